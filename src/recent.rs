//! A table of bounded size that forgets what was used least recently.
//!
//! Its hash is seeded, so that nobody can choose keys that collide; nothing depends on the order of the
//! hashes.

use std::hash::Hash;
use std::num::NonZeroUsize;

use foldhash::quality::RandomState;
use lru::LruCache;

/// A map that keeps the entries used last.
pub(crate) struct Recent<K, V> {
    entries: LruCache<K, V, RandomState>,
    forgotten: u64,
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// An empty table that will hold up to `capacity` entries, at least one. It takes room as it grows.
    pub(crate) fn new(capacity: usize) -> Self {
        let mut entries = LruCache::unbounded_with_hasher(RandomState::default());
        entries.resize(NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN));
        Self { entries, forgotten: 0 }
    }

    /// The entry of `key`, made by `value` if there is none, as the one used last.
    #[inline]
    pub(crate) fn get_or_insert(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let is_full = self.entries.len() == self.entries.cap().get();
        let forgotten = &mut self.forgotten;
        self.entries.get_or_insert_mut(key, || {
            *forgotten += u64::from(is_full);
            value()
        })
    }

    /// Sets the entry of `key`, as the one used last.
    pub(crate) fn put(&mut self, key: K, value: V) {
        let mut value = Some(value);
        let entry = self.get_or_insert(key, || value.take().expect("nothing has taken it"));
        if let Some(value) = value {
            *entry = value;
        }
    }

    /// Sets the entry of `key`, which has none yet, as the one used last; gives the entry that had to
    /// go for it.
    pub(crate) fn push(&mut self, key: K, value: V) -> Option<(K, V)> {
        let oldest = self.entries.push(key, value);
        self.forgotten += u64::from(oldest.is_some());
        oldest
    }

    /// Takes the entry of `key` out.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.pop(key)
    }

    /// The entry of `key`, as the one used last, to change it.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// The entry of `key`, without counting as a use.
    pub(crate) fn peek(&self, key: &K) -> Option<&V> {
        self.entries.peek(key)
    }

    /// The entry of `key`, as the one used last.
    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// All entries, the one used last first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }

    /// The same, to change them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.entries.iter_mut()
    }

    /// How many entries were forgotten for want of room.
    pub(crate) const fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_used_least_recently_is_forgotten_and_counted() {
        let mut table = Recent::new(2);
        table.put("ann", 1);
        table.put("bob", 2);
        assert_eq!(*table.get_or_insert("ann", || 9), 1);
        table.put("carol", 3);
        table.put("carol", 4);
        assert_eq!((table.peek(&"bob"), table.forgotten()), (None, 1));
        assert_eq!(table.iter().collect::<Vec<_>>(), [(&"carol", &4), (&"ann", &1)]);
    }
}
