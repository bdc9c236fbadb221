//! Tables without frames: columns, two blanks between them, cells cut to the width there is.

use super::color::{self, paint};
use super::text::{clean, truncate, width};
use anstyle::Style;

const GAP: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) align: Align,
    /// How narrow it may become where room is short; `None` is never narrower than its cells.
    pub(crate) shrinks_to: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self::styled(text, color::PLAIN)
    }

    pub(crate) fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self { text: clean(text.as_ref()).into_owned(), style }
    }

    /// A value that does not exist.
    pub(crate) fn none() -> Self {
        Self::styled("-", color::DIM)
    }
}

pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Self {
        debug_assert!(rows.iter().all(|row| row.len() == columns.len()), "a cell for each column");
        Self { columns, rows }
    }

    /// The least width in which nothing but shrinking columns is cut.
    pub(crate) fn least_width(&self) -> usize {
        let cells: usize = self
            .natural_widths()
            .iter()
            .zip(&self.columns)
            .map(|(natural, column)| column.shrinks_to.map_or(*natural, |least| least.min(*natural)))
            .sum();
        cells + self.gaps()
    }

    /// Lines ending in line breaks, none wider than `limit` where shrinking columns allow it.
    pub(crate) fn render(&self, limit: Option<usize>) -> String {
        let widths = self.widths(limit);
        let titles: Vec<_> = self.columns.iter().map(|column| Cell::styled(column.title, color::BOLD)).collect();
        let mut out = String::new();
        for row in std::iter::once(&titles).chain(&self.rows) {
            self.push_row(&mut out, row, &widths);
        }
        out
    }

    /// The same for a pipe: a tab between two cells, nothing cut, nothing padded.
    pub(crate) fn tab_separated(&self) -> String {
        let titles: Vec<_> = self.columns.iter().map(|column| column.title).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect());
        std::iter::once(titles).chain(rows).map(|row: Vec<&str>| row.join("\t") + "\n").collect()
    }

    fn push_row(&self, out: &mut String, row: &[Cell], widths: &[usize]) {
        let last = self.columns.len() - 1;
        for (index, ((cell, column), room)) in row.iter().zip(&self.columns).zip(widths).enumerate() {
            let text = truncate(&cell.text, *room);
            let padding = " ".repeat(room.saturating_sub(width(&text)));
            let text = paint(cell.style, text);
            match column.align {
                Align::Right => out.extend([padding.as_str(), &text]),
                Align::Left if index == last => out.push_str(&text),
                Align::Left => out.extend([text.as_str(), &padding]),
            }
            if index < last {
                out.push_str(&" ".repeat(GAP));
            }
        }
        out.push('\n');
    }

    /// Takes what is missing from the widest shrinking column, one column of text at a time.
    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let mut widths = self.natural_widths();
        let Some(limit) = limit else { return widths };
        let mut excess = (widths.iter().sum::<usize>() + self.gaps()).saturating_sub(limit);
        while excess > 0 {
            let widest = (0..widths.len())
                .filter(|index| self.columns[*index].shrinks_to.is_some_and(|least| widths[*index] > least))
                .max_by_key(|index| widths[*index]);
            let Some(widest) = widest else { break };
            widths[widest] -= 1;
            excess -= 1;
        }
        widths
    }

    fn natural_widths(&self) -> Vec<usize> {
        let of_column = |(index, column): (usize, &Column)| {
            let cells = self.rows.iter().map(|row| width(&row[index].text));
            cells.chain([width(column.title)]).max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(of_column).collect()
    }

    fn gaps(&self) -> usize {
        GAP * self.columns.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let column = |title, align, shrinks_to| Column { title, align, shrinks_to };
        Table::new(
            vec![
                column("id", Align::Right, None),
                column("name", Align::Left, Some(4)),
                column("n", Align::Left, None),
            ],
            vec![
                vec![Cell::new("7"), Cell::new("a-rather-long-name"), Cell::new("x")],
                vec![Cell::new("110"), Cell::new("日本"), Cell::none()],
            ],
        )
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn cells_are_aligned_by_columns_of_the_terminal() {
        assert_eq!(
            plain(&table().render(None)),
            " id  name                n\n  7  a-rather-long-name  x\n110  日本                -\n"
        );
    }

    #[test]
    fn only_shrinking_columns_shrink_and_only_so_far() {
        assert_eq!(plain(&table().render(Some(16))), " id  name      n\n  7  a-rathe…  x\n110  日本      -\n");
        assert_eq!(table().least_width(), 12);
        for limit in [12, 5, 0] {
            assert_eq!(plain(&table().render(Some(limit))), " id  name  n\n  7  a-r…  x\n110  日本  -\n");
        }
    }

    #[test]
    fn in_a_pipe_cells_have_a_tab_between_them() {
        assert_eq!(table().tab_separated(), "id\tname\tn\n7\ta-rather-long-name\tx\n110\t日本\t-\n");
        assert_eq!(Cell::new("a\tb").text, "a\u{fffd}b");
    }

    #[test]
    fn a_cell_cannot_break_its_line() {
        assert_eq!(Cell::new("a\nb\x1b[31m").text, "a\u{fffd}b\u{fffd}[31m");
    }
}
