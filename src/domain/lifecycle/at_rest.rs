//! Nothing of it runs: it was stopped, has failed, is held back, or waits for its next try.

use super::event::{Event, Report};
use super::state::{Cause, Phase, Then};
use super::step::Machine;

impl Machine<'_> {
    /// Nothing will run before it is told to.
    pub(super) fn at_rest(&mut self, event: Event) {
        match event {
            Event::Start | Event::Restart => {
                self.fresh();
                self.spawn();
            }
            Event::Hold if self.state.phase != Phase::Held => self.hold(),
            Event::Stop => self.finish(Then::Stay),
            Event::Delete | Event::Retire => self.finish(Then::Delete),
            // It is held back already; there is no run that could have anything to say, nor any time that runs.
            Event::Hold
            | Event::Recycle(..)
            | Event::Succeed(_)
            | Event::Prepared(_)
            | Event::Spawned(_)
            | Event::NotStarted(..)
            | Event::Ready(_)
            | Event::Unwell(_)
            | Event::Drained(_)
            | Event::Exited { .. }
            | Event::GroupGone(_)
            | Event::Alone(_)
            | Event::Hurry
            | Event::Timer => {}
        }
    }

    /// It is started again when its time has come, or at once when somebody asks for it.
    pub(super) fn waiting(&mut self, event: Event) {
        match event {
            Event::Start | Event::Restart => {
                self.leave_queue();
                self.fresh();
                self.spawn_again(Report::Restart);
            }
            Event::Hold => {
                self.leave_queue();
                self.hold();
            }
            Event::Stop => {
                self.leave_queue();
                self.finish(Then::Stay);
            }
            Event::Delete | Event::Retire => {
                self.leave_queue();
                self.finish(Then::Delete);
            }
            Event::Timer if self.is_due() => self.waited(),
            // Its time has not come, and the run that has ended has said all.
            Event::Timer
            | Event::Recycle(..)
            | Event::Succeed(_)
            | Event::Prepared(_)
            | Event::Spawned(_)
            | Event::NotStarted(..)
            | Event::Ready(_)
            | Event::Unwell(_)
            | Event::Drained(_)
            | Event::Exited { .. }
            | Event::GroupGone(_)
            | Event::Alone(_)
            | Event::Hurry => {}
        }
    }

    fn hold(&mut self) {
        self.fresh();
        self.rest(Phase::Held, Cause::None);
    }
}
