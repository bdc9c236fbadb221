//! The lines that come for each connection, understood without the detour over JSON.

use super::Inbound;
use super::codec::MOST_TAKEN;

/// The lines that come for each connection, in the form that Node and our agent write them.
pub(super) fn decode(line: &[u8]) -> Option<Inbound> {
    if let Some(list) = line.strip_prefix(br#"{"cmd":"NODE_RPM_TAKEN","acks":["#) {
        return numbers(list.strip_suffix(b"]}")?).map(Inbound::Taken);
    }
    if line == br#"{"cmd":"NODE_HANDLE_ACK"}"# {
        return Some(Inbound::HandleAck);
    }
    let (seq, rest) = number(line.strip_prefix(br#"{"cmd":"NODE_CLUSTER","ack":"#)?)?;
    let rest = rest.strip_prefix(br#","accepted":"#)?;
    let (accepted, rest) = match rest.strip_prefix(b"true") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix(b"false")?),
    };
    let (_, rest) = number(rest.strip_prefix(br#","seq":"#)?)?;
    (rest == b"}").then_some(Inbound::Answer { seq, accepted })
}

fn numbers(mut list: &[u8]) -> Option<Vec<u64>> {
    let mut found = Vec::new();
    loop {
        let (next, rest) = number(list)?;
        found.push(next);
        match rest.strip_prefix(b",") {
            Some(rest) if found.len() < MOST_TAKEN => list = rest,
            Some(_) => return None,
            None => return rest.is_empty().then_some(found),
        }
    }
}

/// A number without a sign, a fraction or a needless 0 at its head, and what follows it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // More may be too much for a u64.
    if !(1..=19).contains(&digits) || (digits > 1 && text[0] == b'0') {
        return None;
    }
    let (digits, rest) = text.split_at(digits);
    Some((digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn nothing_else_is_usual() {
        for line in [
            &b"{\"cmd\":\"NODE_CLUSTER\",\"ack\":1,\"accepted\":true}"[..],
            b"{\"cmd\":\"NODE_CLUSTER\",\"ack\":,\"accepted\":true,\"seq\":1}",
            b"{\"cmd\":\"NODE_CLUSTER\",\"ack\":01,\"accepted\":true,\"seq\":1}",
            b"{\"cmd\":\"NODE_CLUSTER\",\"ack\":1,\"accepted\":null,\"seq\":1}",
            b"{\"cmd\":\"NODE_CLUSTER\",\"ack\":1,\"accepted\":true,\"seq\":1}}",
            b"{\"cmd\":\"NODE_HANDLE_ACK\"} ",
            b"{\"cmd\":\"NODE_RPM_TAKEN\",\"acks\":[]}",
            b"{\"cmd\":\"NODE_RPM_TAKEN\",\"acks\":[1,]}",
            b"{\"cmd\":\"NODE_RPM_TAKEN\",\"acks\":[1 ,2]}",
            b"{\"cmd\":\"NODE_RPM_TAKEN\",\"acks\":[1,2]",
            b"",
        ] {
            assert_eq!(decode(line), None, "{}", line.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn all_that_were_taken_are_what_json_says(acks in prop::collection::vec(any::<u64>(), 0..80)) {
            let line = serde_json::json!({"cmd": "NODE_RPM_TAKEN", "acks": acks}).to_string();
            let spaced = line.replace(',', ", ");
            let meant = if acks.len() > MOST_TAKEN { Inbound::Garbage } else { Inbound::Taken(acks) };
            prop_assert_eq!(ipc::decode(line.replace(r#""acks":"#, r#""acks" :"#).as_bytes()), meant);
            prop_assert_eq!(ipc::decode(line.as_bytes()), ipc::decode(spaced.as_bytes()));
        }

        /// What is changed in an answer makes it another message here just where it does so for JSON.
        #[test]
        fn an_answer_means_what_its_json_means(
            ack in any::<u64>(),
            cut in 0..20u32,
            accepted in any::<bool>(),
            extra in "[0-9 a-z.,\"-]{0,3}",
            at in 0..70usize,
        ) {
            let ack = ack >> (cut * 3);
            let mut line = format!("{{\"cmd\":\"NODE_CLUSTER\",\"ack\":{ack},\"accepted\":{accepted},\"seq\":5}}");
            prop_assert_eq!(ipc::decode(line.as_bytes()), Inbound::Answer { seq: ack, accepted });
            line.insert_str(at.min(line.len()), &extra);
            if let Some(usual) = decode(line.as_bytes()) {
                let value: Value = serde_json::from_str(&line).unwrap();
                let (seq, accepted) = (value["ack"].as_u64().unwrap(), value["accepted"].as_bool().unwrap());
                prop_assert_eq!(usual, Inbound::Answer { seq, accepted });
            }
        }
    }
}
