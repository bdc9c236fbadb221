//! How far a reload has come that has failed, in words.

use crate::api::{ApiError, Code};
use crate::domain::rollout::Tally;

/// How many were replaced and how many were not, after why.
pub(super) fn with_tally(mut error: ApiError, tally: Tally, on_trial: bool) -> ApiError {
    let Tally { total, replaced, returned } = tally;
    if error.code == Code::ReloadFailed && (total > 1 || on_trial) {
        let (first, rest) =
            error.message.split_once('\n').map_or((error.message.as_str(), None), |(a, b)| (a, Some(b)));
        let mut message = format!("{first}; {}", tally_words(total, replaced, returned));
        if let Some(rest) = rest {
            message.push('\n');
            message.push_str(rest);
        }
        error.message = message;
    }
    error
}

fn tally_words(total: usize, replaced: usize, returned: usize) -> String {
    let were = |count: usize| if count == 1 { "was" } else { "were" };
    let left = total - replaced - returned;
    let mut words = match replaced {
        0 => format!("none of {total} was replaced"),
        _ => format!("{replaced} of {total} {} replaced and stay so, {left} {} not", were(replaced), were(left)),
    };
    if returned > 0 {
        let what = if replaced == 0 { "the version before runs in all" } else { "the version before is back in" };
        words = match replaced {
            0 => format!("{what} {total}"),
            _ => format!("{words}; {what} {returned}"),
        };
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_says_how_many() {
        for (tally, expected) in [
            ((4, 0, 0), "none of 4 was replaced"),
            ((4, 1, 0), "1 of 4 was replaced and stay so, 3 were not"),
            ((4, 3, 0), "3 of 4 were replaced and stay so, 1 was not"),
            ((4, 0, 2), "the version before runs in all 4"),
            ((4, 1, 3), "1 of 4 was replaced and stay so, 0 were not; the version before is back in 3"),
        ] {
            assert_eq!(tally_words(tally.0, tally.1, tally.2), expected);
        }
        let error = ApiError::new(Code::ReloadFailed, "it broke\nits last lines:\n  x");
        let told = with_tally(error, Tally { total: 2, replaced: 0, returned: 0 }, false);
        assert_eq!(told.message, "it broke; none of 2 was replaced\nits last lines:\n  x");
    }
}
