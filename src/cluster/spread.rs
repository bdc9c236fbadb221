//! The kernel's choice among the listeners of an address, as a program for it: at random among those whose worker
//! listens.

use crate::sys::reuseport::{Instruction, MOST_INSTRUCTIONS};
use std::collections::BTreeSet;

/// Listeners of successive numbers that are all chosen from.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    /// How many of those that are chosen from come before.
    first: u32,
    /// What is added to such a count to get the listener's number.
    offset: u32,
}

/// Chooses among these numbers, each as often as the others. `None` when there are none, or too many gaps between them.
pub(super) fn program(chosen: &BTreeSet<u32>) -> Option<Vec<Instruction>> {
    let count = u32::try_from(chosen.len()).ok().filter(|count| *count > 0)?;
    let mut program = vec![Instruction::RANDOM, Instruction::modulo(count)];
    for Run { first, offset } in runs(chosen).into_iter().rev() {
        if first > 0 {
            program.push(Instruction::skip_below(first, if offset > 0 { 2 } else { 1 }));
        }
        if offset > 0 {
            program.push(Instruction::add(offset));
        }
        program.push(Instruction::ANSWER);
    }
    (program.len() <= MOST_INSTRUCTIONS).then_some(program)
}

fn runs(chosen: &BTreeSet<u32>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (first, number) in (0..).zip(chosen) {
        let offset = number - first;
        if runs.last().is_none_or(|last| last.offset != offset) {
            runs.push(Run { first, offset });
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the kernel does, with a random number that is given.
    fn run(program: &[Instruction], random: u32) -> u32 {
        let (mut number, mut at) = (0_u32, 0);
        loop {
            let Instruction { code, then, otherwise, value } = program[at];
            at += 1;
            match code {
                0x20 => number = random,
                0x94 => number %= value,
                0x04 => number = number.wrapping_add(value),
                0x35 => at += usize::from(if number >= value { then } else { otherwise }),
                0x06 => return value,
                0x16 => return number,
                other => panic!("{other:#x}"),
            }
        }
    }

    fn bytes(program: &[Instruction]) -> Vec<(u16, u8, u8, u32)> {
        program.iter().map(|one| (one.code, one.then, one.otherwise, one.value)).collect()
    }

    #[test]
    fn programs_as_the_kernel_reads_them() {
        let all = program(&BTreeSet::from([0, 1, 2])).unwrap();
        assert_eq!(bytes(&all), [(0x20, 0, 0, 0xffff_f038), (0x94, 0, 0, 3), (0x16, 0, 0, 0)]);
        let without_the_second = program(&BTreeSet::from([0, 2, 3])).unwrap();
        let head = [(0x20, 0, 0, 0xffff_f038), (0x94, 0, 0, 3)];
        let rest = [(0x35, 0, 2, 1), (0x04, 0, 0, 1), (0x16, 0, 0, 0), (0x16, 0, 0, 0)];
        assert_eq!(bytes(&without_the_second), [&head[..], &rest].concat());
    }

    #[test]
    fn nobody_and_too_many_gaps_are_no_choice() {
        assert_eq!(program(&BTreeSet::new()), None);
        assert_eq!(program(&(0..10_000).map(|number| number * 2).collect()), None);
        assert!(program(&(0..10_000).collect()).is_some());
    }

    proptest! {
        #[test]
        fn each_is_chosen_equally_and_nobody_else(chosen in prop::collection::btree_set(0..200_u32, 1..60)) {
            let program = program(&chosen).unwrap();
            let mut seen: Vec<u32> = (0..chosen.len() as u32).map(|random| run(&program, random)).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, chosen.into_iter().collect::<Vec<_>>());
        }
    }
}
