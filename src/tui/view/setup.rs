//! The first start, and the locked vault.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::super::layout::{inner, popup};
use super::super::message::Identity;
use super::super::model::{Model, Unlock};
use super::super::setup::{Setup, Step};
use super::form::{draw_problem, typed};
use super::text::{bar, frame as draw_frame, put, put_value, wrap};

pub(super) fn draw(model: &Model, setup: &Setup, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let area = popup(model.size, (72, 20));
    let (title, text) = words_of(setup);
    let steps = setup.steps();
    let number = steps.iter().position(|step| *step == setup.step).map_or(1, |at| at + 1);
    let title = format!("A new vault: {title}");
    let step = format!("step {number} of {}", steps.len());
    draw_frame(frame.buffer_mut(), area, theme, true, [&title, &step, ""]);
    let inside = inner(area);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    // On a small screen what is typed matters more than what is said about it.
    let small = inside.height < 16;
    let text = match setup.step {
        _ if !small => text,
        Step::Where => "A directory, or s3://bucket/prefix.",
        Step::Bucket => "All of them may stay empty.",
        Step::Passphrase => "It protects your identity here.",
        Step::Words => "Write these down:",
        Step::Check => "Type two of the words.",
    };
    let mut y = inside.y;
    for line in text.split('\n').flat_map(|text| wrap(text, inside.width.into())) {
        if y < inside.bottom() {
            put(frame.buffer_mut(), inside.x, y, inside.right(), &line, theme.text);
            y += 1;
        }
    }
    y = (y + u16::from(!small)).min(inside.bottom());
    let rest = |y: u16| Rect { y, height: inside.bottom() - y, ..inside };
    y = match setup.step {
        Step::Words => words(model, setup, rest(y), frame),
        _ => lines(model, setup, rest(y), frame),
    };
    if setup.covered {
        let y = (y + u16::from(!small)).min(inside.bottom().saturating_sub(1));
        let text = "Hidden: a key shows it again.";
        put(frame.buffer_mut(), inside.x, y, inside.right(), text, theme.warn);
    } else if let Some(problem) = &setup.problem {
        let y = (y + u16::from(!small)).min(inside.bottom());
        draw_problem(model, problem, rest(y), frame.buffer_mut());
    }
}

/// What is typed in this step; answers the line below.
fn lines(model: &Model, setup: &Setup, area: Rect, frame: &mut Frame<'_>) -> u16 {
    let theme = &model.theme;
    let mut y = area.y;
    for (i, (label, input)) in setup.lines().into_iter().enumerate() {
        if y < area.bottom() {
            let line = Rect { y, height: 1, ..area };
            typed(model, &format!("{label:<11}"), input, line, frame, i == setup.focus);
            if let Some(text) = setup.empty_means(i).filter(|_| input.text().is_empty()) {
                let text = format!("(empty: {})", crate::vault::escape(text));
                let room = usize::from(area.width.saturating_sub(13));
                let text = super::text::tail(&text, room, theme.signs.more);
                put(frame.buffer_mut(), area.x + 12, y, area.right(), &text, theme.muted);
            }
            y += 1;
        }
    }
    if area.height == 0 {
        return y;
    }
    if setup.step == Step::Passphrase
        && let Some((bits, strong)) = setup.strength()
    {
        let says = if strong { "good" } else { "weak; four random words are better" };
        let text = format!("{} about {bits} bits, {says}", bar(theme, bits.into(), 100, 12));
        let style = if strong { theme.ok } else { theme.warn };
        if y < area.bottom() {
            put(frame.buffer_mut(), area.x, y, area.right(), &text, style);
            y += 1;
        }
    }
    y
}

fn words_of(setup: &Setup) -> (&'static str, &'static str) {
    match (setup.step, setup.identity) {
        (Step::Where, _) => (
            "where",
            "There is no vault yet. This makes one.\n\nA vault is a directory (your own, shared, or \
             synchronised) or a bucket, s3://bucket/prefix. Everything in it is encrypted on this \
             computer. Your name is seen by whoever sees the vault. To open a vault that is \
             there already: `vault join`.",
        ),
        (Step::Bucket, _) => (
            "the bucket",
            "The bucket must be there. The credentials are those of AWS's own tools: the environment, \
             or a profile.\n\nRegion, endpoint (the URL of another service that speaks S3) and a KMS \
             key (ARN, id or alias/NAME) may stay empty. With a KMS key, whoever IAM lets decrypt \
             with it can read.",
        ),
        (Step::Passphrase, Identity::Sealed) => {
            ("your passphrase", "This device has an identity already. Its passphrase opens it.")
        }
        (Step::Passphrase, _) => (
            "a passphrase",
            "It protects your identity on this device, and is asked for whenever the vault is \
             opened. Several random words are easy to type and hard to guess.",
        ),
        (Step::Words, _) => (
            "recovery words",
            "Whoever has these 24 words can read everything in this vault. They are the only way \
             back if every identity is lost. Write them on paper, and keep it where you keep \
             keys. They are not stored and not shown again. Without a key for two minutes they are \
             hidden until the next one. Then go on.",
        ),
        (Step::Check, _) => ("are they on paper?", "Type two of the words, from the paper."),
    }
}

/// The words in columns, numbered downwards; answers the line below.
fn words(model: &Model, setup: &Setup, area: Rect, frame: &mut Frame<'_>) -> u16 {
    let Some((_, words)) = &setup.recovery else { return area.y };
    let words = words.text().unwrap_or_default().split(' ');
    let columns = (area.width / 15).clamp(1, 4);
    let rows = 24_u16.div_ceil(columns);
    if rows > area.height {
        // Some of them would go unseen.
        let text = format!("Make the window larger: {rows} lines are needed here.");
        for (y, line) in (area.y..area.bottom()).zip(wrap(&text, area.width.into())) {
            put(frame.buffer_mut(), area.x, y, area.right(), &line, model.theme.warn);
        }
        return area.bottom();
    }
    let mask = model.theme.signs.dot.to_string().repeat(5);
    for (i, word) in (0_u16..).zip(words) {
        let word = if setup.covered { &mask } else { word };
        let (x, y) = (area.x + i / rows * 15, area.y + i % rows);
        if y < area.bottom() {
            let number = format!("{:2}. ", i + 1);
            let at = put(frame.buffer_mut(), x, y, area.right(), &number, model.theme.muted);
            put_value(frame.buffer_mut(), at, y, area.right(), word, model.theme.key);
        }
    }
    area.y + rows
}

pub(super) fn draw_unlock(model: &Model, unlock: &Unlock, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let area = popup(model.size, (60, 10));
    let title = match &model.vault.0 {
        Some(name) => format!("Unlock {}", crate::vault::escape(name)),
        None => "Unlock".to_owned(),
    };
    draw_frame(frame.buffer_mut(), area, theme, true, [&title, "", ""]);
    let inside = inner(area);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let y = inside.y + u16::from(inside.height > 3);
    let line = Rect { y, height: 1, ..inside };
    let key = if model.ascii { "Enter" } else { "⏎" };
    if unlock.busy.is_some() {
        let text = format!("Opening {}", theme.signs.dots);
        put(frame.buffer_mut(), line.x, y, line.right(), &text, theme.muted);
    } else if model.sealed {
        let focused = model.popups.is_empty();
        typed(model, "passphrase ", &unlock.input, line, frame, focused);
    } else {
        let text = format!("The identity needs no passphrase: {key} opens the vault.");
        put(frame.buffer_mut(), line.x, y, line.right(), &text, theme.text);
    }
    if let Some(problem) = &unlock.problem {
        let y = (y + 2).min(inside.bottom());
        let area = Rect { y, height: inside.bottom() - y, ..inside };
        draw_problem(model, problem, area, frame.buffer_mut());
    }
}
