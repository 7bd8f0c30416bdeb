//! Where the panes are, for drawing and for the mouse.

use ratatui::layout::Rect;

/// A pane of the browse screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// Folders with counts.
    Folders,
    /// Names.
    List,
    /// The secret of the cursor.
    Detail,
}

/// Least size at which anything but a request for more room is drawn.
pub const SMALLEST: (u16, u16) = (40, 8);
const TWO_PANES: (u16, u16) = (60, 16);
/// Least width at which all panes are seen.
pub const THREE_PANES_AT: u16 = 120;

/// The parts of the browse screen. A pane that is not shown has no area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// The line at the top.
    pub header: Rect,
    /// The line of news below it.
    pub banner: Rect,
    /// The folders, with their frame.
    pub folders: Rect,
    /// The list, with its frame.
    pub list: Rect,
    /// The detail, with its frame.
    pub detail: Rect,
    /// The line of messages, or of the filter.
    pub status: Rect,
    /// The keys.
    pub bar: Rect,
}

/// The parts at this size. `focus` is the pane that is shown where not all fit; `news`: with a
/// line for news.
pub fn areas((width, height): (u16, u16), focus: Pane, news: bool) -> Areas {
    let line = |y: u16| Rect::new(0, y, width, 1);
    let above = 1 + u16::from(news);
    let body = Rect::new(0, above.min(height), width, height.saturating_sub(above + 2));
    let mut areas = Areas {
        header: line(0),
        banner: if news { line(1.min(height.saturating_sub(1))) } else { Rect::default() },
        status: line(height.saturating_sub(2)),
        bar: line(height.saturating_sub(1)),
        ..Areas::default()
    };
    let column = |from: u16, to: u16| Rect { x: from, width: to - from, ..body };
    if width >= THREE_PANES_AT && height >= TWO_PANES.1 {
        let (first, second) = (width / 5, width * 3 / 5);
        areas.folders = column(0, first);
        areas.list = column(first, second);
        areas.detail = column(second, width);
    } else if width >= TWO_PANES.0 && height >= TWO_PANES.1 {
        let half = width * 9 / 20;
        match focus {
            Pane::Folders => areas.folders = column(0, half),
            _ => areas.list = column(0, half),
        }
        areas.detail = column(half, width);
    } else {
        match focus {
            Pane::Folders => areas.folders = body,
            Pane::List => areas.list = body,
            Pane::Detail => areas.detail = body,
        }
    }
    areas
}

/// What is inside a frame.
pub fn inner(area: Rect) -> Rect {
    if area.width < 2 || area.height < 2 {
        return Rect { width: 0, height: 0, ..area };
    }
    Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height - 2)
}

/// A popup of at most this size in the middle, between the lines at the top and the bottom.
pub fn popup((width, height): (u16, u16), wanted: (u16, u16)) -> Rect {
    let body = height.saturating_sub(3);
    let size = (wanted.0.min(width), wanted.1.min(body));
    Rect::new((width - size.0) / 2, (body - size.1) / 2 + 1.min(height), size.0, size.1)
}

/// The first line to show so that the cursor is seen, moved no further than needed.
pub fn scroll(top: usize, cursor: usize, rows: usize, total: usize) -> usize {
    if rows == 0 {
        return top;
    }
    let top = top.min(cursor).max((cursor + 1).saturating_sub(rows));
    top.min(total.saturating_sub(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing overlaps or leaves the window, at any size.
    #[test]
    fn every_size_is_covered() {
        for width in 0..200 {
            for height in 0..60 {
                for focus in [Pane::Folders, Pane::List, Pane::Detail] {
                    for news in [false, true] {
                        let a = areas((width, height), focus, news);
                        for part in [a.folders, a.list, a.detail] {
                            assert!(part.right() <= width && part.bottom() <= height.max(1));
                            assert!(inner(part).right() <= part.right());
                        }
                        let together = a.folders.width + a.list.width + a.detail.width;
                        assert_eq!(together, width, "{width}x{height} {focus:?}");
                    }
                }
                let p = popup((width, height), (60, 20));
                assert!(p.right() <= width && p.bottom() <= height.max(1));
            }
        }
    }

    #[test]
    fn the_cursor_is_always_seen() {
        for (top, cursor, rows, total, wanted) in [
            (0, 5, 10, 20, 0),
            (0, 10, 10, 20, 1),
            (8, 3, 10, 20, 3),
            (15, 19, 10, 20, 10),
            (5, 0, 0, 0, 5),
        ] {
            assert_eq!(scroll(top, cursor, rows, total), wanted);
        }
    }
}
