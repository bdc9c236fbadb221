//! Requests by their keys: what was begun, and how those that are through were answered. They outlive this program,
//! so that a command whose daemon was killed under it can be sent again, and is one command all the same.

use super::persist::Persistence;
use super::turns::Turn;
use super::world::World;
use crate::api::{ApiError, Response};
use crate::store::{Begun, SavedRequest, Stage as Saved};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use tokio::sync::oneshot;

/// Requests remembered for a retry with the same key.
const REMEMBERED: usize = 128;
/// Longer answers are made anew once they were sent: going on with what is done already does nothing.
const LONGEST_ANSWER: usize = 4096;
/// Bytes of longer ones, of requests that cannot be gone on with. The last one is kept in any case.
const MOST_OF_LONG_ANSWERS: usize = 256 << 10;

type Answer = Result<Response, ApiError>;
type Reply = oneshot::Sender<Answer>;

/// One carrying out of a request.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    key: Option<String>,
    /// What a daemon before this one has begun of it.
    pub(super) begun: Option<Begun>,
    /// Its place among the requests about the same apps, until it acts.
    turn: RefCell<Option<Rc<Turn>>>,
}

impl Ticket {
    pub(super) fn stand_in_line(&mut self, turn: Option<Turn>) {
        self.turn = RefCell::new(turn.map(Rc::new));
    }

    /// Waits until those that came before have acted.
    pub(super) async fn turn(&self) {
        let turn = self.turn.borrow().clone();
        if let Some(turn) = turn {
            turn.comes().await;
        }
    }

    /// It has told processes what it wants, or does so before anybody else runs: the next one may act.
    pub(super) fn acts(&self) {
        self.turn.take();
    }
}

#[derive(Debug, Default)]
pub(super) struct Requests {
    order: VecDeque<String>,
    stages: BTreeMap<String, Stage>,
}

#[derive(Debug)]
enum Stage {
    UnderWay {
        waiting: Vec<Reply>,
        begun: Option<Begun>,
    },
    /// Its daemon was killed, or its answer was long and has been sent: whoever asks again goes on with it.
    CutOff(Begun),
    Through {
        /// In JSON; empty where it has no such form.
        answer: String,
        /// What it was about, where the answer is to be made anew.
        begun: Option<Begun>,
    },
}

fn is_short(answer: &str) -> bool {
    !answer.is_empty() && answer.len() <= LONGEST_ANSWER
}

impl Requests {
    /// What the last daemon has left.
    pub(super) fn left_by(persistence: Option<&Persistence>) -> Self {
        Self::restore(persistence.map(Persistence::requests).unwrap_or_default())
    }

    fn restore(saved: Vec<SavedRequest>) -> Self {
        let mut requests = Self::default();
        for SavedRequest { key, stage } in saved {
            let stage = match stage {
                Saved::Begun(begun) => Stage::CutOff(begun),
                Saved::Through(answer) => Stage::Through { answer, begun: None },
            };
            requests.insert(key, stage);
        }
        requests
    }

    pub(super) fn saved(&self) -> Vec<SavedRequest> {
        let saved = self.order.iter().filter_map(|key| {
            let stage = match self.stages.get(key)? {
                Stage::CutOff(begun) => Saved::Begun(begun.clone()),
                Stage::Through { answer, .. } if is_short(answer) => Saved::Through(answer.clone()),
                Stage::Through { begun, .. } | Stage::UnderWay { begun, .. } => Saved::Begun(begun.clone()?),
            };
            Some(SavedRequest { key: key.clone(), stage })
        });
        saved.collect()
    }

    /// A key that was seen before is answered from memory, now or when its request is through. Otherwise the caller
    /// carries it out.
    pub(super) fn recall(&mut self, key: Option<String>, reply: Reply) -> Option<(Ticket, Reply)> {
        let Some(key) = key else { return Some((Ticket::default(), reply)) };
        let begun = match self.stages.get_mut(&key) {
            Some(Stage::Through { answer, begun }) => match serde_json::from_str(answer) {
                Ok(answer) => {
                    let _ = reply.send(answer);
                    return None;
                }
                // Of another version, perhaps. What is asked again is done again, as far as that is known to be left.
                Err(_) => begun.take(),
            },
            Some(Stage::UnderWay { waiting, .. }) => {
                waiting.push(reply);
                return None;
            }
            Some(Stage::CutOff(begun)) => Some(begun.clone()),
            None => None,
        };
        self.insert(key.clone(), Stage::UnderWay { waiting: Vec::new(), begun: begun.clone() });
        Some((Ticket { key: Some(key), begun, turn: RefCell::default() }, reply))
    }

    fn begin(&mut self, ticket: &Ticket, what: Begun) -> bool {
        let stage = ticket.key.as_ref().and_then(|key| self.stages.get_mut(key));
        let Some(Stage::UnderWay { begun, .. }) = stage else { return false };
        *begun = Some(what);
        true
    }

    /// It is through. Gives those who have asked for the same in the meantime.
    pub(super) fn finish(&mut self, ticket: &Ticket, answer: &Answer) -> Vec<Reply> {
        let stage = ticket.key.as_ref().and_then(|key| self.stages.get_mut(key));
        let Some(Stage::UnderWay { waiting, begun }) = stage else { return Vec::new() };
        let waiting = std::mem::take(waiting);
        let answer = serde_json::to_string(answer).unwrap_or_default();
        let begun = begun.take().filter(|_| !is_short(&answer));
        let through = Stage::Through { answer, begun };
        if let Some(key) = &ticket.key {
            self.stages.insert(key.clone(), through);
            // However long it took: it is the last to be forgotten.
            self.order.retain(|known| known != key);
            self.order.push_back(key.clone());
        }
        self.forget_long_answers();
        waiting
    }

    /// Whoever has asked has the answer.
    pub(super) fn answered(&mut self, ticket: &Ticket) {
        let Some(stage) = ticket.key.as_ref().and_then(|key| self.stages.get_mut(key)) else { return };
        if let Stage::Through { begun, .. } = stage
            && let Some(begun) = begun.take()
        {
            *stage = Stage::CutOff(begun);
        }
    }

    fn insert(&mut self, key: String, stage: Stage) {
        if self.stages.insert(key.clone(), stage).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > REMEMBERED {
            self.forget_oldest();
        }
    }

    /// The oldest, as far as nobody can go on with what they answer.
    fn forget_long_answers(&mut self) {
        let mut all = 0;
        let mut forgotten = Vec::new();
        for key in self.order.iter().rev() {
            let Some(Stage::Through { answer, begun: None }) = self.stages.get(key) else { continue };
            if is_short(answer) {
                continue;
            }
            if all > 0 && all + answer.len() > MOST_OF_LONG_ANSWERS {
                forgotten.push(key.clone());
            }
            all += answer.len();
        }
        self.order.retain(|key| !forgotten.contains(key));
        self.stages.retain(|key, _| !forgotten.contains(key));
    }

    fn forget_oldest(&mut self) {
        let under_way = |key: &String| matches!(self.stages.get(key), Some(Stage::UnderWay { .. }));
        // Somebody waits for those that are under way.
        let oldest = self.order.iter().position(|key| !under_way(key)).unwrap_or(0);
        if let Some(oldest) = self.order.remove(oldest) {
            self.stages.remove(&oldest);
        }
    }
}

impl World {
    /// Writes down what a request is about, before it acts. The list goes with it, in one write. `false` for one
    /// without a key: nobody can ask again.
    pub(super) async fn begin(self: &Rc<Self>, ticket: &Ticket, what: Begun) -> bool {
        let noted = self.requests.borrow_mut().begin(ticket, what);
        if noted {
            self.note().await;
        }
        noted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Code;
    use crate::domain::{ProcessId, SpawnId};
    use proptest::prelude::*;

    fn runs(run: u64) -> Begun {
        Begun::Processes(vec![(ProcessId(0), SpawnId(run))])
    }

    fn answer(number: i32) -> Answer {
        Err(ApiError::new(Code::Invalid, number.to_string()))
    }

    /// Asks with a key: the ticket when it is to be carried out, else the answer if there is one already.
    #[expect(clippy::result_large_err, reason = "a test asks a few times")]
    fn ask(requests: &mut Requests, key: &str) -> Result<Ticket, Option<Answer>> {
        let (reply, mut answer) = oneshot::channel();
        match requests.recall(Some(key.into()), reply) {
            Some((ticket, _)) => Ok(ticket),
            None => Err(answer.try_recv().ok()),
        }
    }

    /// As a daemon after a killed one finds them.
    fn next_generation(requests: &Requests) -> Requests {
        let text = serde_json::to_string(&requests.saved()).unwrap();
        Requests::restore(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn what_was_begun_is_gone_on_with_and_what_is_through_is_answered() {
        let mut first = Requests::default();
        let ticket = ask(&mut first, "restart").unwrap();
        assert_eq!(ticket.begun, None);
        assert!(first.begin(&ticket, runs(7)));
        assert_eq!(ask(&mut first, "restart").unwrap_err(), None, "it is under way");
        let mut second = next_generation(&first);
        let ticket = ask(&mut second, "restart").unwrap();
        assert_eq!(ticket.begun, Some(runs(7)));
        // Killed once more: it is as it was.
        let mut third = next_generation(&second);
        let ticket = ask(&mut third, "restart").unwrap();
        assert_eq!(ticket.begun, Some(runs(7)));
        third.finish(&ticket, &answer(1));
        assert_eq!(ask(&mut next_generation(&third), "restart").unwrap_err(), Some(answer(1)));
    }

    #[test]
    fn what_was_not_begun_is_done_as_if_nobody_had_asked() {
        let mut first = Requests::default();
        ask(&mut first, "flush").unwrap();
        assert_eq!(ask(&mut next_generation(&first), "flush").unwrap().begun, None);
    }

    #[test]
    fn a_long_answer_is_made_anew() {
        let mut first = Requests::default();
        let ticket = ask(&mut first, "restart").unwrap();
        first.begin(&ticket, runs(7));
        first.finish(&ticket, &Err(ApiError::new(Code::Invalid, "x".repeat(LONGEST_ANSWER))));
        assert!(ask(&mut first, "restart").unwrap_err().is_some());
        assert_eq!(ask(&mut next_generation(&first), "restart").unwrap().begun, Some(runs(7)));
        first.answered(&ticket);
        assert_eq!(ask(&mut first, "restart").unwrap().begun, Some(runs(7)));
    }

    #[test]
    fn a_long_answer_of_what_noted_nothing_is_not_written_down() {
        let mut first = Requests::default();
        let ticket = ask(&mut first, "reset").unwrap();
        let long = Err(ApiError::new(Code::Invalid, "x".repeat(LONGEST_ANSWER)));
        first.finish(&ticket, &long);
        assert_eq!(ask(&mut first, "reset").unwrap_err(), Some(long));
        assert_eq!(first.saved(), []);
    }

    #[test]
    fn long_answers_are_kept_as_far_as_there_is_room_and_the_others_with_them() {
        let mut requests = Requests::default();
        let scale = ask(&mut requests, "scale").unwrap();
        requests.begin(&scale, runs(7));
        let mut requests = next_generation(&requests);
        let short = ask(&mut requests, "short").unwrap();
        requests.finish(&short, &answer(1));
        let slow = ask(&mut requests, "slow").unwrap();
        let long = |of| Err(ApiError::new(Code::Invalid, "x".repeat(of)));
        for number in 0..20 {
            let ticket = ask(&mut requests, &number.to_string()).unwrap();
            requests.finish(&ticket, &long(MOST_OF_LONG_ANSWERS / 4));
            requests.answered(&ticket);
            let known = requests.stages.values().filter(|stage| matches!(stage, Stage::Through { .. })).count();
            assert!(known <= 4, "{known}");
        }
        requests.finish(&slow, &long(2 * MOST_OF_LONG_ANSWERS));
        assert_eq!(ask(&mut requests, "slow").unwrap_err(), Some(long(2 * MOST_OF_LONG_ANSWERS)));
        assert_eq!(ask(&mut requests, "short").unwrap_err(), Some(answer(1)));
        assert_eq!(ask(&mut requests, "19").unwrap().begun, None);
        assert_eq!(ask(&mut requests, "scale").unwrap().begun, Some(runs(7)), "it can be gone on with");
    }

    #[test]
    fn a_request_without_a_key_leaves_nothing() {
        let mut requests = Requests::default();
        let (ticket, _) = requests.recall(None, oneshot::channel().0).unwrap();
        assert!(!requests.begin(&ticket, runs(1)));
        assert!(requests.finish(&ticket, &answer(1)).is_empty());
        assert_eq!(requests.saved(), []);
    }

    #[test]
    fn the_oldest_that_nobody_waits_for_is_forgotten() {
        let mut requests = Requests::default();
        let slow = ask(&mut requests, "slow").unwrap();
        for number in 0..2 * REMEMBERED {
            let ticket = ask(&mut requests, &number.to_string()).unwrap();
            requests.finish(&ticket, &answer(0));
        }
        assert_eq!(requests.order.len(), REMEMBERED);
        assert!(ask(&mut requests, "slow").is_err());
        requests.finish(&slow, &answer(3));
        assert_eq!(ask(&mut requests, "slow").unwrap_err(), Some(answer(3)));
    }

    proptest! {
        /// Whatever is asked, finished and killed in whatever order: no request acts after it has been answered, and
        /// none that wrote down what it was about is begun anew.
        #[test]
        fn a_key_acts_once(steps in prop::collection::vec((0..4u8, 0..3usize), 1..60)) {
            let mut requests = Requests::default();
            let (mut tickets, mut noted, mut told) = ([None, None, None], [false; 3], [false; 3]);
            for (step, which) in steps {
                let key = which.to_string();
                match step {
                    0 => if let Ok(ticket) = ask(&mut requests, &key) {
                        prop_assert!(!told[which]);
                        prop_assert_eq!(ticket.begun.is_some(), noted[which]);
                        tickets[which] = Some(ticket);
                    },
                    1 => if let Some(ticket) = &tickets[which] {
                        noted[which] |= requests.begin(ticket, runs(which as u64));
                    },
                    2 => if let Some(ticket) = tickets[which].take() {
                        requests.finish(&ticket, &answer(which as i32));
                        told[which] = true;
                    },
                    _ => {
                        requests = next_generation(&requests);
                        tickets = [None, None, None];
                    }
                }
            }
        }
    }
}
