//! Base × head × live → what is sent of an entity.

/// What a write does with what the file does not mention: the input `merge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// It stays as it is.
    Merge,
    /// The file replaces the entity.
    Replace,
}
