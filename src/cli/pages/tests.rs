use super::*;
use crate::cli::render::text;

/// Everything that `help` and `--help` can show, without colours.
fn all(width: usize) -> Vec<(String, String)> {
    let mut cli = told(width);
    let mut all = vec![("rpm".to_owned(), cli.render_help().to_string())];
    let names: Vec<String> = cli.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    for name in names {
        let help = cli.find_subcommand_mut(&name).unwrap().render_help().to_string();
        all.push((name, help));
    }
    all
}

#[test]
fn no_line_is_longer_than_the_width_and_no_word_is_torn() {
    // Every word of the widest layout is a word of the others, as often.
    let words = |page: &str| {
        let mut words: Vec<String> = page.split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    };
    let widest = all(200);
    assert!(widest.len() > 50);
    for width in [70, 80, 100] {
        for ((name, page), (_, wide)) in all(width).iter().zip(&widest) {
            for line in page.lines() {
                assert!(text::width(line) <= width, "{name} at {width}: {line}");
            }
            assert_eq!(words(page), words(wide), "{name} at {width}");
        }
    }
}

#[test]
fn meanings_stand_in_their_column() {
    let pages = all(80);
    let start = &pages.iter().find(|(name, _)| name == "start").unwrap().1;
    for (name, meaning) in [
        ("  -n, --name <NAME>", "Name of the app; by default the file's name"),
        ("      --gid <GROUP>", "Run it as this group, by default the user's own"),
        ("      --interpreter-args <ARGS>", ""),
        ("", "Arguments between the interpreter and the"),
    ] {
        let line = format!("{name:<32}{meaning}");
        assert!(start.lines().any(|found| found == line.trim_end()), "{line:?} is not in\n{start}");
    }
    assert!(start.lines().all(|line| !line.ends_with(' ')), "{start}");
    assert!(!start.contains("--trace"), "hidden ones are nobody's");
}

#[test]
fn sentences_are_filled_and_examples_stay_lines() {
    let text = "Examples:\n  rpm a    does a\n  rpm b\n\nOne sentence that\nwas broken.";
    assert_eq!(
        blocks(text),
        [
            Block::Paragraph("Examples:".into()),
            Block::Example { typed: "  rpm a", meaning: "does a", column: 11 },
            Block::Example { typed: "  rpm b", meaning: "", column: 0 },
            Block::Blank,
            Block::Paragraph("One sentence that was broken.".into()),
        ]
    );
    let narrow = blocks::laid_out("  rpm do something    and this is what it does then", 46);
    assert_eq!(narrow, "  rpm do something    and this is what it does\n                      then\n");
    let narrower = blocks::laid_out("  rpm do something    and this is what it does then", 30);
    assert_eq!(narrower, "  rpm do something\n      and this is what it does\n      then\n");
}
