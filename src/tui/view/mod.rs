//! The screen as a function of the model. Nothing here changes anything.

mod browse;
mod detail;
mod form;
mod help;
mod popup;
mod setup;
mod team;
mod text;

use ratatui::Frame;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::keys::Context;
use super::layout::SMALLEST;
use super::message::Change;
use super::model::{Model, Popup, Screen, Status};
use super::setup::Step;
pub(super) use text::day;
use text::{clear, head, put, put_right};

/// Draws everything.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let (width, height) = (area.width, area.height);
    if width < SMALLEST.0 || height < SMALLEST.1 {
        let text = format!("vault needs {} x {}", SMALLEST.0, SMALLEST.1);
        put(frame.buffer_mut(), 0, 0, width, &text, model.theme.text);
        return;
    }
    match &model.screen {
        Screen::Setup(setup) => setup::draw(model, setup, frame),
        Screen::Unlock(unlock) => setup::draw_unlock(model, unlock, frame),
        Screen::Browse => browse::draw(model, frame),
    }
    if model.banner() {
        team::banner(model, frame);
    }
    for popup in &model.popups {
        draw_popup(model, popup, frame);
    }
    header(model, frame);
    status(model, frame);
    bar(model, frame);
}

fn draw_popup(model: &Model, popup: &Popup, frame: &mut Frame<'_>) {
    match popup {
        Popup::History(history) => popup::history(model, history, frame),
        Popup::Compare(compare) => popup::compare(model, compare, frame),
        Popup::Form(form) => form::draw(model, form, frame),
        Popup::Generator(generator) => popup::generator(model, generator, frame),
        Popup::Fields(choice) => popup::fields(model, choice, frame),
        Popup::Vaults(cursor) => popup::vaults(model, *cursor, frame),
        Popup::Palette(input, cursor) => help::palette(model, input, *cursor, frame),
        Popup::Help(context, top) => help::draw(model, *context, *top, frame),
        Popup::Confirm(question, change) => {
            let what = match change {
                Change::Delete(_) => "Its history stays; u brings it back.",
                Change::Rollback(..) => "Its value is written as a new version; nothing is lost.",
                Change::Undelete(_) | Change::Rename(..) => "",
            };
            popup::confirm(model, question, what, frame);
        }
        Popup::Drop => popup::confirm(model, "Drop what was typed?", "Nothing was written.", frame),
        Popup::Error(problem, retry) => popup::error(model, problem, retry.is_some(), frame),
        Popup::Members(members) => team::members(model, members, frame),
        Popup::Joined(joined) => team::joined(model, joined, frame),
        Popup::Report(report) => team::report(model, report, frame),
        Popup::Late(late) => team::late(model, late, frame),
        Popup::Log(log) => team::log(model, log, frame),
        Popup::Unsaved(draft, problem, conflict) => {
            popup::unsaved(model, draft, problem, *conflict, frame);
        }
    }
}

/// The vault, where it is, and for how long it stays open.
fn header(model: &Model, frame: &mut Frame<'_>) {
    let line = model.areas().header;
    let buffer = frame.buffer_mut();
    let end = line.right();
    let mut right = match &model.screen {
        Screen::Browse => match model.lock_after {
            Some(after) => {
                let idle = model.now.running.saturating_sub(model.last_input);
                let left = after.saturating_sub(idle).as_secs();
                format!("locks in {}:{:02} ", left / 60, left % 60)
            }
            None => "unlocked ".to_owned(),
        },
        Screen::Unlock(_) => "locked ".to_owned(),
        Screen::Setup(_) => String::new(),
    };
    if let Some(until) = model.clipboard {
        let left = until.saturating_sub(model.now.running).as_secs();
        right = format!("clipboard {left} s  {right}");
    }
    let x = put_right(buffer, 0, line.y, end, &right, model.theme.muted);
    let mut at = put(buffer, 1, line.y, x, "vault", model.theme.accent);
    let (name, location) = &model.vault;
    if let Some(name) = name {
        at = put(buffer, at + 2, line.y, x, &crate::vault::escape(name), model.theme.text);
    }
    let room = usize::from(x.saturating_sub(at + 3));
    let location = text::tail(&crate::vault::escape(location), room, model.theme.signs.more);
    put(buffer, at + 2, line.y, x, &location, model.theme.muted);
}

/// The filter while it is typed; an error; what is waited for; what happened.
fn status(model: &Model, frame: &mut Frame<'_>) {
    let line = model.areas().status;
    let (y, end) = (line.y, line.right());
    let theme = &model.theme;
    clear(frame.buffer_mut(), line);
    if let (Some(input), true) = (&model.typing, model.popups.is_empty()) {
        let area = Rect::new(1, y, line.width.saturating_sub(2), 1);
        form::typed(model, "/ ", input, area, frame, true);
        return;
    }
    let buffer = frame.buffer_mut();
    let room = usize::from(line.width.saturating_sub(2));
    let cut = |text: &str, room: usize| {
        head(&text.replace('…', theme.signs.dots), room, theme.signs.more)
    };
    let failed = matches!(model.status, Status::Error(..));
    if let Some(request) = model.waiting().filter(|_| !failed) {
        let waited = model.now.running.saturating_sub(request.started).as_millis();
        let spinner = theme.signs.spinner[(waited / 100) as usize % theme.signs.spinner.len()];
        let mut text = format!("{spinner} {}", request.label);
        if let Some((done, total)) = request.progress {
            text += &format!(" {done}/{total} {}", text::bar(theme, done as u64, total as u64, 12));
        }
        if request.stoppable {
            text += "  Esc stops";
        }
        put(buffer, 1, y, end, &cut(&text, room), theme.muted);
        return;
    }
    match &model.status {
        Status::Quiet => {}
        Status::Info(text) => drop(put(buffer, 1, y, end, &cut(text, room), theme.text)),
        Status::Warning(text) => {
            put(buffer, 1, y, end, &cut(&format!("! {text}"), room), theme.warn);
        }
        Status::Error(problem, _) => {
            let mut text = format!("error: {}", problem.message);
            if let Some(hint) = &problem.hint {
                text += &format!("  hint: {hint}");
            }
            let key = model.keys.key_of(Context::Browse, super::keys::Action::Explain, model.ascii);
            let more = format!(" {key} more");
            let room = room.saturating_sub(more.width());
            let x = put(buffer, 1, y, end, &cut(&text, room), theme.danger);
            put(buffer, x, y, end, &more, theme.key);
        }
    }
}

/// The keys that matter here, as many as there is room for.
fn bar(model: &Model, frame: &mut Frame<'_>) {
    let line = model.areas().bar;
    let buffer = frame.buffer_mut();
    clear(buffer, line);
    let context = model.context();
    let theme = &model.theme;
    // Help is always seen; of the others as many as there is room for.
    let help = model.keys.key_of(context, super::keys::Action::Help, model.ascii);
    let mut end = line.right();
    if !help.is_empty() {
        let x = put_right(buffer, 1, line.y, end - 1, "help", theme.muted);
        end = put_right(buffer, 1, line.y, x - 1, &help, theme.key).saturating_sub(1);
    }
    let mut x = 1;
    for (binding, keys) in model.keys.here(context) {
        let Some(key) = keys.first().filter(|_| !binding.bar.is_empty()) else { continue };
        // In the list there is nothing to go back to but what Esc says itself.
        let back = context == Context::Browse && binding.action == super::keys::Action::Back;
        // What is typed is hidden in one step of the first start only.
        let idle = match &model.screen {
            Screen::Setup(setup) => {
                binding.action == super::keys::Action::Reveal && setup.step != Step::Passphrase
            }
            _ => false,
        };
        // The forms of the team have nothing to hide, to generate or to add.
        let plain = match model.popups.last() {
            Some(Popup::Form(form)) => {
                use super::keys::Action::{AddField, Generate, Reveal};
                form.is_about_the_team() && matches!(binding.action, AddField | Generate | Reveal)
            }
            _ => false,
        };
        if back || idle || plain || binding.action == super::keys::Action::Help {
            continue;
        }
        let key = super::keys::shown(key, model.ascii);
        let width = (key.width() + 1 + binding.bar.width()) as u16;
        if x + width >= end {
            continue;
        }
        let after = put(buffer, x, line.y, end, &key, theme.key);
        x = put(buffer, after + 1, line.y, end, binding.bar, theme.muted) + 2;
    }
}
