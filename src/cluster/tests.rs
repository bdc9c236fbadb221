use super::*;
use crate::ipc::Inbound;
use crate::sys::keep::LocalKeep;
use serde_json::json;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use tokio::task::LocalSet;

/// A worker of `group` that asks for a port of its own, and its end of the channel.
fn listening_worker(group: &Group, id: WorkerId) -> Channel {
    let (ours, theirs) = UnixStream::pair().unwrap();
    for end in [&ours, &theirs] {
        end.set_nonblocking(true).unwrap();
    }
    group.add(id, Holder(1), Rc::new(Channel::new(Arc::new(ours.into())).unwrap()));
    let query = json!({"act": "queryServer", "seq": 1, "address": "127.0.0.1", "port": 0, "addressType": 4});
    group.handle(id, &serde_json::from_value(query).unwrap());
    Channel::new(Arc::new(theirs.into())).unwrap()
}

async fn connection_to(worker: &Channel) {
    let mut came = false;
    while !came {
        assert!(worker.receive(|message, fd| came |= message == Inbound::Handle && fd.is_some()).await);
    }
}

#[test]
fn connections_of_the_last_worker_go_to_its_successor() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = async {
        let group = Group::new("app", Rc::new(LocalKeep::default()), InFlight::unkept());
        group.hold(Holder(1));
        let first = listening_worker(&group, WorkerId(1));
        let _client = std::net::TcpStream::connect(&group.listens()[0]).unwrap();
        connection_to(&first).await;
        group.gone(WorkerId(1));
        let second = listening_worker(&group, WorkerId(2));
        connection_to(&second).await;
    };
    let limited = async { tokio::time::timeout(Duration::from_secs(10), test).await.expect("a connection is stuck") };
    LocalSet::new().block_on(&runtime, limited);
}
