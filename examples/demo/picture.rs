//! Pictures of what a pull request shows, for README: SVG, drawn from the comment and the annotations of
//! a real run. `cargo run --example demo -- --pictures docs/pictures` makes them anew.

use std::fmt::Write as _;

const WIDTH: usize = 900;
const LINE: usize = 20;
const MARGIN: usize = 20;
/// Characters of text that fit beside one another.
const CHARACTERS: usize = 112;
const PLAIN: &str =
    "font-family=\"-apple-system,Segoe UI,Helvetica,Arial,sans-serif\" font-size=\"14\"";
const MONOSPACE: &str =
    "font-family=\"ui-monospace,SFMono-Regular,Menlo,monospace\" font-size=\"12\"";
const INK: &str = "#1f2328";
const LINK: &str = "#0969da";

/// A page that grows downwards.
struct Canvas {
    body: String,
    y: usize,
}

impl Canvas {
    fn new() -> Self {
        Self {
            body: String::new(),
            y: MARGIN,
        }
    }

    fn text(&mut self, x: usize, style: &str, colour: &str, text: &str) {
        let baseline = self.y + 14;
        let text = escape(text);
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.body,
            "<text x=\"{x}\" y=\"{baseline}\" {style} fill=\"{colour}\" xml:space=\"preserve\">{text}</text>"
        );
    }

    fn bar(&mut self, y: usize, height: usize, colour: &str) {
        let width = WIDTH - 2 * MARGIN;
        let _ = writeln!(
            self.body,
            "<rect x=\"{MARGIN}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\"/>"
        );
    }

    fn rule(&mut self) {
        let y = self.y;
        self.bar(y, 1, "#d1d9e0");
        self.y += 12;
    }

    fn finish(self) -> String {
        let height = self.y + MARGIN;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">\n<rect width=\"{WIDTH}\" height=\"{height}\" rx=\"6\" fill=\"#ffffff\" stroke=\"#d1d9e0\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// The comment on a pull request, whose Markdown is `body`.
pub(crate) fn comment(body: &str) -> String {
    let mut canvas = Canvas::new();
    let mut lines = body.lines();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            let bold = PLAIN.replace("14", "20") + " font-weight=\"600\"";
            canvas.text(MARGIN, &bold, INK, &plain(title));
            canvas.y += 32;
            canvas.rule();
        } else if let Some(fence) = line
            .strip_suffix("diff")
            .filter(|one| one.starts_with("```"))
        {
            let diff = lines.by_ref().take_while(|line| *line != fence);
            diff_block(&mut canvas, &diff.collect::<Vec<_>>());
        } else if let Some(summary) = line.strip_prefix("<details><summary>") {
            let summary = summary.trim_end_matches("</summary>");
            canvas.text(MARGIN, PLAIN, INK, &format!("▸ {}", plain(summary)));
            canvas.y += LINE + 8;
            skip_details(&mut lines);
        } else if line.starts_with("| ❌") || line.starts_with("| ⚠") {
            problem(&mut canvas, line);
        } else if !line.is_empty() && !line.starts_with(['|', '<', '>']) {
            paragraph(&mut canvas, line);
        }
    }
    canvas.finish()
}

/// Passes over what is folded, and over what is folded in it.
fn skip_details<'l>(lines: &mut impl Iterator<Item = &'l str>) {
    let mut depth = 1;
    for line in lines {
        depth += line.matches("<details>").count();
        depth -= line.matches("</details>").count().min(depth);
        if depth == 0 {
            return;
        }
    }
}

fn paragraph(canvas: &mut Canvas, line: &str) {
    for part in wrapped(&plain(line), CHARACTERS) {
        canvas.text(MARGIN, PLAIN, INK, &part);
        canvas.y += LINE;
    }
    canvas.y += 8;
}

fn diff_block(canvas: &mut Canvas, lines: &[&str]) {
    let top = canvas.y;
    canvas.bar(top, lines.len() * LINE + 16, "#f6f8fa");
    canvas.y += 8;
    for line in lines {
        let colours = match line.chars().next() {
            Some('+') => Some(("#dafbe1", "#116329")),
            Some('-') => Some(("#ffebe9", "#82071e")),
            Some('!') => Some(("#fff8c5", "#953800")),
            _ => None,
        };
        let ink = colours.map_or(INK, |(_, ink)| ink);
        if let Some((paper, _)) = colours {
            let y = canvas.y;
            canvas.bar(y, LINE, paper);
        }
        canvas.text(MARGIN + 12, MONOSPACE, ink, line);
        canvas.y += LINE;
    }
    canvas.y += 20;
}

/// A row of the table of problems: its code, and below it what is wrong, what to do and where.
fn problem(canvas: &mut Canvas, row: &str) {
    let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").collect();
    let [code, problem, place] = cells[..] else {
        return;
    };
    let bold = format!("{PLAIN} font-weight=\"600\"");
    canvas.text(MARGIN, &bold, INK, &plain(code));
    canvas.text(MARGIN + 250, PLAIN, LINK, &plain(place));
    canvas.y += LINE;
    for line in problem.split("<br>") {
        for part in wrapped(&plain(line), CHARACTERS - 6) {
            canvas.text(MARGIN + 24, PLAIN, INK, &part);
            canvas.y += LINE;
        }
    }
    canvas.y += 4;
    canvas.rule();
}

/// An annotation on a line of `file`, whose text is `text`, as the page with a pull request's files has it.
pub(crate) fn annotation(
    file: &str,
    text: &str,
    line: usize,
    title: &str,
    message: &str,
) -> String {
    let mut canvas = Canvas::new();
    let bold = format!("{PLAIN} font-weight=\"600\"");
    canvas.text(MARGIN, &bold, INK, file);
    canvas.y += LINE + 8;
    canvas.rule();
    for (index, content) in text.lines().enumerate() {
        let y = canvas.y;
        canvas.bar(y, LINE, "#dafbe1");
        canvas.text(
            MARGIN + 8,
            MONOSPACE,
            "#59636e",
            &format!("{:>3}  +", index + 1),
        );
        canvas.text(MARGIN + 60, MONOSPACE, INK, content);
        canvas.y += LINE;
        if index + 1 == line {
            note(&mut canvas, file, line, title, message);
        }
    }
    canvas.finish()
}

fn note(canvas: &mut Canvas, file: &str, line: usize, title: &str, message: &str) {
    let (top, bold) = (canvas.y + 8, format!("{PLAIN} font-weight=\"600\""));
    let lines = message.lines().flat_map(|line| wrapped(line, CHARACTERS));
    let lines: Vec<_> = lines.collect();
    canvas.bar(top, (lines.len() + 2) * LINE + 24, "#f6f8fa");
    let height = (lines.len() + 2) * LINE + 24;
    let _ = writeln!(
        canvas.body,
        "<rect x=\"{MARGIN}\" y=\"{top}\" width=\"4\" height=\"{height}\" fill=\"#cf222e\"/>"
    );
    canvas.y = top + 8;
    let place = format!("❌  Check failure on line {line} in {file}");
    canvas.text(MARGIN + 16, PLAIN, INK, &place);
    canvas.y += LINE + 4;
    canvas.text(MARGIN + 16, &bold, "#cf222e", title);
    canvas.y += LINE + 4;
    for line in lines {
        canvas.text(MARGIN + 16, MONOSPACE, INK, &line);
        canvas.y += LINE;
    }
    canvas.y = top + height + 8;
}

/// Lines of at most so many characters, broken between words.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if !line.is_empty() && line.chars().count() + word.chars().count() >= most {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// Markdown without its marks.
fn plain(markdown: &str) -> String {
    let mut text = markdown.to_owned();
    // A link's address goes.
    while let Some(start) = text.find("](") {
        let Some(end) = text[start..].find(')') else {
            break;
        };
        text.replace_range(start..=start + end, "");
    }
    for mark in ["**", "`", "<code>", "</code>", "[", "<br>"] {
        text = text.replace(mark, "");
    }
    // Characters that Markdown would read are written by their numbers.
    while let Some(start) = text.find("&#") {
        let Some(length) = text[start..].find(';') else {
            break;
        };
        let number = text[start + 2..start + length].parse().ok();
        let character = number.and_then(char::from_u32).map(String::from);
        text.replace_range(start..=start + length, &character.unwrap_or_default());
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
