//! Lists whose neighbours have much in common, in memory once.

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

pub trait Alike {
    /// Has what is the same in both in memory once.
    fn share_with(&mut self, other: &Self);
}

/// Reads a list. Each shares with the one before as soon as it is read: room for all the copies would be taken, and
/// could not be given back, as what lives on is scattered over it.
pub fn read<'de, D: Deserializer<'de>, T: Deserialize<'de> + Alike>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct List<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de> + Alike> Visitor<'de> for List<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut all: Vec<T> = Vec::new();
            while let Some(mut one) = list.next_element::<T>()? {
                if let Some(last) = all.last() {
                    one.share_with(last);
                }
                all.push(one);
            }
            Ok(all)
        }
    }

    deserializer.deserialize_seq(List(PhantomData))
}
