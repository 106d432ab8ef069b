use super::super::testing::{documents, shown};
use crate::document::{Documents, Format};

fn read(text: &str) -> Documents {
    documents(Format::Yaml, text)
}

#[test]
fn smoke() {
    for text in [
        "a: 1\nb: [x, {y: z}]\nc:\n- 1\n- \n- - a\n  - b\nd: |\n  text\n  more\n\ne: &x 'q' # c\nf: *x\n",
        "---\na: 1\n---\nb: : 2\n---\nc: 3\n", "<<: {a: 1}\nb: 2", "a: *b", "a: !!str 5\nb: !x 3", "? [a]\n: b",
        "a: {{ x }}", "a: b: c", "a:\n\t- b", "a: 'x", "a: [1, 2\nb: 3", "a: 1\nb\nc: 2", "a:\n  b: 1\n c: 2", "  a: 1\nb: 2",
        "a: \"\\q\"", "a: @x", "a: .inf", "- a\nb", "a: - b", "a: |\n    x\n  y\n", "%YAML 1.2\n---\na", "a: ]", "a: *.example.com", "a: \"x\" y", "a: #b", "a: &a [*a]",
        "a: \"x\n", "[1, 2", "{a: 1", "a: [1, 2\n", "a: x\n  # c\n  y"
    ] {
        let d = read(text);
        println!("--- {text}\n{}", shown(&d));
        for r in &d.roots { println!("   {}", r.to_json()); for n in crate::document::testing::nodes(r) {println!("      {:?}", &text[n.span.range()]);} }
    }
}
