//! How much a bulk may hold.

/// The limits of the two routes that take bulks.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) upsert: Limit,
    pub(super) delete: Limit,
}

impl Default for Limits {
    /// Those of Port's OpenAPI document.
    fn default() -> Self {
        Self {
            upsert: Limit::new(20),
            delete: Limit::new(100),
        }
    }
}

/// The most entities in one request. It is the documented one until an answer has told another
/// one as its `maxBulkSize`: nobody can know of that before.
#[derive(Debug)]
pub(super) struct Limit {
    current: usize,
    announced: Option<usize>,
}

impl Limit {
    fn new(documented: usize) -> Self {
        Self {
            current: documented,
            announced: None,
        }
    }

    pub(super) fn get(&self) -> usize {
        self.current
    }

    /// Tells this limit with every answer from now on.
    pub(super) fn announce(&mut self, limit: usize) {
        self.announced = Some(limit);
    }

    /// The `maxBulkSize` of an answer, which counts from the next request on.
    pub(super) fn tell(&mut self) -> Option<usize> {
        self.current = self.announced.unwrap_or(self.current);
        self.announced
    }
}
