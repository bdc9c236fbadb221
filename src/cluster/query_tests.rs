use super::*;
use crate::ipc::{Inbound, decode};
use proptest::prelude::*;
use serde_json::json;

fn read(fields: &Value) -> Result<Query, i32> {
    let mut message = json!({"cmd": "NODE_CLUSTER", "act": "queryServer", "index": 0});
    for (name, value) in fields.as_object().unwrap() {
        message[name] = value.clone();
    }
    let Inbound::Cluster(message) = decode(message.to_string().as_bytes()) else { panic!("no cluster message") };
    Query::of(&message, 1)
}

fn query(fields: &Value) -> Query {
    read(fields).unwrap()
}

#[test]
fn addresses_as_node_writes_them() {
    let any = query(&json!({"address": null, "port": 3000, "addressType": 4, "backlog": 0}));
    assert_eq!((any.address, any.backlog), (Address::AnyTcp { port: 3000 }, 511));
    let v6 = query(&json!({"address": "::1", "port": 0, "addressType": 6, "flags": 1, "backlog": 7}));
    assert_eq!(v6.address, Address::Tcp { address: "[::1]:0".parse().unwrap(), v6only: true });
    assert_eq!(v6.backlog, 7);
    let unix = query(&json!({"address": "/x.sock", "port": -1, "addressType": -1, "readableAll": true}));
    assert!(matches!(unix.address, Address::Unix { readable_all: true, writable_all: false, .. }));
    let udp = |kind: &str, host: &str, flags: i64| {
        query(&json!({"address": host, "port": 53, "addressType": kind, "fd": -1, "flags": flags})).address
    };
    let address = "0.0.0.0:53".parse().unwrap();
    assert_eq!(udp("udp4", "0.0.0.0", 0), Address::Udp { address, v6only: false, reuse_address: false });
    let address = "[::]:53".parse().unwrap();
    assert_eq!(udp("udp6", "::", 5), Address::Udp { address, v6only: true, reuse_address: true });
    let fd = query(&json!({"address": null, "port": null, "addressType": null, "fd": 9}));
    assert_eq!(fd.address, Address::Given { number: 9, datagrams: false });
    let fd = query(&json!({"address": null, "port": null, "addressType": "udp4", "fd": 9, "flags": null}));
    assert_eq!(fd.address, Address::Given { number: 9, datagrams: true });
    let odd = query(&json!({"address": "x", "port": 1, "addressType": "udp5"}));
    assert_eq!(odd.address, Address::Unsupported);
    // UDP passes on what the app has written.
    let text = query(&json!({"address": "127.0.0.1", "port": "53", "addressType": "udp4"}));
    assert!(matches!(text.address, Address::Udp { address, .. } if address.port() == 53));
}

#[test]
fn an_address_of_one_interface() {
    let scoped = query(&json!({"address": "fe80::1%lo", "port": 80, "addressType": 6})).address;
    let Address::Tcp { address: SocketAddr::V6(address), .. } = scoped else { panic!("{scoped:?}") };
    assert_ne!(address.scope_id(), 0);
    assert_eq!(read(&json!({"address": "fe80::1%no-such", "port": 80, "addressType": 6})), Err(libc::EINVAL));
}

#[test]
fn a_name_without_a_file_is_the_same_from_every_directory() {
    let of = |address: &str| query(&json!({"address": address, "port": -1, "addressType": -1}));
    let (one, other) = (of("/srv/app/\0name/x"), of("/\0name/x"));
    assert_eq!((one.address.clone(), one.key), (other.address, other.key));
    assert_eq!(one.address, Address::Abstract { name: "name/x".into() });
    assert_eq!(one.address.to_string(), "@name/x");
}

#[test]
fn the_index_counts_for_port_0_only() {
    let of = |port: u16, index: u64| query(&json!({"index": index, "port": port, "addressType": 4})).key;
    assert_eq!(of(3000, 0), of(3000, 1));
    assert_ne!(of(0, 0), of(0, 1));
}

#[test]
fn what_cannot_be_meant_has_its_number() {
    let refused = [
        (json!({"address": "nonsense", "port": 1, "addressType": 4}), libc::EINVAL),
        (json!({"address": null, "port": 70_000, "addressType": 4}), libc::EINVAL),
        (json!({"address": {"a": 1}, "port": 1, "addressType": "udp4"}), libc::EINVAL),
        (json!({"address": null, "port": [1], "addressType": 4}), libc::EINVAL),
        (json!({"address": "", "port": -1, "addressType": -1}), libc::EINVAL),
        (json!({"address": "x.sock", "port": -1, "addressType": -1}), libc::EINVAL),
        (json!({"address": "/a\0b", "port": -1, "addressType": -1}), libc::EINVAL),
        (json!({"address": "/a/\0", "port": -1, "addressType": -1}), libc::EINVAL),
        (json!({"address": "/a/\0b\0c", "port": -1, "addressType": -1}), libc::EINVAL),
        (json!({"address": format!("/\0{}", "x".repeat(108)), "port": -1, "addressType": -1}), libc::ENAMETOOLONG),
        (json!({"address": format!("/{}", "x".repeat(10_000)), "port": -1, "addressType": -1}), libc::ENAMETOOLONG),
        (json!({"fd": 1u64 << 40}), libc::EBADF),
        (json!({"port": 1, "addressType": 4, "data": "x".repeat(5000)}), libc::EINVAL),
    ];
    for (fields, errno) in refused {
        assert_eq!(read(&fields), Err(errno), "{fields}");
    }
}

#[test]
fn data_is_shared_among_those_that_understand_it() {
    let [one, two] = ["00ff", "1234"].map(|keys| json!({"ticketKeys": keys}));
    assert_eq!(data_for(&one, &two), &two);
    for odd in [json!({"ticketKeys": 5}), json!({}), json!("00ff"), json!({"ticketKeys": "zzzz"}), Value::Null] {
        assert_eq!(data_for(&one, &odd), &one);
    }
    assert_eq!(data_for(&Value::Null, &two), &Value::Null);
}

proptest! {
    /// Whatever stands in the fields, there is an answer.
    #[test]
    fn no_query_is_a_panic(values in prop::collection::vec(0..12usize, 11)) {
        let odd = [
            Value::Null, json!(-1), json!(4), json!(6), json!(70_000), json!(1e300), json!("udp4"), json!("::1%lo"),
            json!([[], {}]), json!({"a": {"b": null}}), json!(true), json!("x".repeat(5000)),
        ];
        let names = ["address", "port", "addressType", "fd", "flags", "backlog", "data", "index", "readableAll", "key", "writableAll"];
        let fields = names.iter().zip(&values).map(|(name, at)| ((*name).to_owned(), odd[*at].clone())).collect();
        if let Ok(query) = read(&Value::Object(fields)) {
            prop_assert!(query.key.len() < 11_000 && query.backlog > 0);
            let _ = query.address.to_string();
        }
    }
}
