use std::io;

/// Why a database cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BoltError {
    /// The bytes could not be had.
    #[error("cannot read at byte {offset}: {source}")]
    Read {
        /// Where, in bytes from the start.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// Neither meta page is sound: it is no bolt database, or was cut short.
    #[error("neither of its two meta pages is that of a bolt database")]
    NoMeta,
    /// A page is not what it should be.
    #[error("page {page} {problem}")]
    Page {
        /// The page's number.
        page: u64,
        /// What is wrong with it.
        problem: Malformed,
    },
    /// There is more than the limits allow.
    #[error("page {page} is beyond the limit of {limit}")]
    TooLarge {
        /// The page that was to be read.
        page: u64,
        /// Which limit, in words.
        limit: &'static str,
    },
}

/// What is wrong with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It lies before the first or behind the last page that the database uses.
    #[error("lies outside the database")]
    OutsideTheFile,
    /// It calls itself another.
    #[error("says that it is page {0}")]
    Misnamed(u64),
    /// It is neither a branch nor a leaf.
    #[error("is neither a branch nor a leaf")]
    Kind,
    /// A branch without children.
    #[error("is a branch to nothing")]
    EmptyBranch,
    /// An element, its key or its value lies outside the page or in another element.
    #[error("has an element that does not lie in it or overlaps another")]
    Element,
    /// A key is empty or longer than bolt allows.
    #[error("has a key of a size that bolt does not write")]
    Key,
    /// Keys are not in ascending order.
    #[error("has keys out of order")]
    Order,
    /// A bucket's header is cut off.
    #[error("has a bucket without a header")]
    Bucket,
    /// The same page was met twice.
    #[error("is met twice on one way")]
    Twice,
}
