//! The nearest known word to one that is not known.

/// The candidate closest to `word`, if it is close enough to be a slip of the fingers.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word);
    let allowed = (word.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &folded(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Without what people vary on purpose: case, and how parts are joined.
fn folded(word: &str) -> Vec<char> {
    word.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Edits between two words; two neighbours swapped are one edit.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(ca != cb)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *ca == b[j - 1] && a[i - 1] == *cb {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let words = ["script", "watch", "max_restarts", "env", "name", "instances"];
        for (slip, meant) in [
            ("wtach", Some("watch")),
            ("scirpt", Some("script")),
            ("maxRestart", Some("max_restarts")),
            ("max-restarts", Some("max_restarts")),
            ("Instance", Some("instances")),
            ("nmae", Some("name")),
            ("description", None),
            ("x", None),
        ] {
            assert_eq!(nearest(slip, words), meant, "{slip}");
        }
    }

    fn chars(word: &str) -> Vec<char> {
        word.chars().collect()
    }

    proptest! {
        #[test]
        fn distance_is_a_distance(a in "[abc]{0,8}", b in "[abc]{0,8}") {
            let (x, y) = (chars(&a), chars(&b));
            prop_assert_eq!(distance(&x, &y), distance(&y, &x));
            prop_assert_eq!(distance(&x, &y) == 0, a == b);
            prop_assert!(distance(&x, &y) <= x.len().max(y.len()));
        }

        #[test]
        fn one_slip_is_one_edit(word in "[a-z]{2,12}", at in any::<prop::sample::Index>(), kind in 0..3) {
            let mut slipped = chars(&word);
            let at = at.index(slipped.len() - 1);
            match kind {
                0 => { slipped.remove(at); }
                1 => slipped.swap(at, at + 1),
                _ => slipped.insert(at, '#'),
            }
            prop_assert!(distance(&chars(&word), &slipped) <= 1);
        }
    }
}
