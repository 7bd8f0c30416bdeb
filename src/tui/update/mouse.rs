//! The mouse: a click selects, the wheel moves the pane under the pointer. Nothing is revealed by it.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::super::keys::Action;
use super::super::layout::{Pane, inner};
use super::super::model::{Model, Popup, Screen, Status};
use super::Effects;

/// Lines that one step of the wheel moves.
const STEP: usize = 3;

impl Model {
    pub(super) fn mouse(&mut self, event: MouseEvent) -> Effects {
        let at = Position::new(event.column, event.row);
        match event.kind {
            MouseEventKind::ScrollDown => self.wheel(Action::Down, at),
            MouseEventKind::ScrollUp => self.wheel(Action::Up, at),
            MouseEventKind::Down(MouseButton::Left) => {
                // Some versions of the terminal library report places outside the window.
                if event.column < self.size.0 && event.row < self.size.1 {
                    self.click(at);
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn wheel(&mut self, action: Action, at: Position) -> Effects {
        let pane = self.pane_at(at).unwrap_or(self.focus);
        for _ in 0..STEP {
            match (self.popups.last(), &self.screen) {
                (None, Screen::Browse) if self.typing.is_some() => drop(self.filtering(action)),
                (None, Screen::Browse) => {
                    self.status = Status::Quiet;
                    self.go_in(pane, action);
                }
                (
                    Some(Popup::Form(_) | Popup::Confirm(..) | Popup::Drop | Popup::Generator(_)),
                    _,
                )
                | (None, _) => {}
                (Some(_), _) => drop(self.in_popup(action)),
            }
        }
        Vec::new()
    }

    /// The pane that is seen there.
    fn pane_at(&self, at: Position) -> Option<Pane> {
        let areas = self.areas();
        let panes = [
            (areas.list, Pane::List),
            (areas.folders, Pane::Folders),
            (areas.detail, Pane::Detail),
        ];
        panes.into_iter().find(|(area, _)| area.contains(at)).map(|(_, pane)| pane)
    }

    fn click(&mut self, at: Position) {
        if !self.popups.is_empty() || !matches!(self.screen, Screen::Browse) {
            return;
        }
        let areas = self.areas();
        let line = |area: Rect, top: usize| {
            let inside = inner(area);
            inside.contains(at).then(|| top + usize::from(at.y - inside.y))
        };
        if areas.list.contains(at) {
            self.focus = Pane::List;
            self.typing = None;
            if let Some(line) = line(areas.list, self.top).filter(|line| *line < self.rows.len()) {
                self.rows.go(line);
            }
        } else if areas.folders.contains(at) {
            self.focus = Pane::Folders;
            let total = self.rows.folders().len();
            let inside = inner(areas.folders);
            let below = inside.y + self.folder_lines(inside.height);
            let place = match at.y >= below {
                true if inside.contains(at) => Some(total + usize::from(at.y - below)),
                _ => line(areas.folders, self.folder.1).filter(|line| *line < total),
            };
            if let Some(place) = place {
                self.folder.0 = place;
                self.enter_folder_quietly();
            }
        } else if areas.detail.contains(at) {
            self.focus = Pane::Detail;
        }
    }
}
