//! Bolt databases, written as bbolt (go.etcd.io/bbolt, version 2) lays them out, by code that shares
//! nothing with the reader under test.

use std::collections::BTreeMap;

/// Where a page's elements begin, and how long an element is.
const HEADER: usize = 16;

/// What stands behind a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Bytes.
    Value(Vec<u8>),
    /// More keys.
    Bucket(Tree),
}

/// Keys in order, each with what stands behind it.
pub type Tree = BTreeMap<Vec<u8>, Node>;

/// Puts a value where a path of buckets leads; buckets on the way are made.
///
/// # Panics
/// If a value stands where a bucket should.
pub fn put(tree: &mut Tree, path: &[&str], value: impl AsRef<[u8]>) {
    let (key, buckets) = path.split_last().unwrap();
    let here = bucket(tree, buckets);
    let value = Node::Value(value.as_ref().to_vec());
    here.insert(key.as_bytes().to_vec(), value);
}

/// The bucket that a path leads to, made where it is missing.
///
/// # Panics
/// If a value stands where a bucket should.
pub fn bucket<'t>(tree: &'t mut Tree, path: &[&str]) -> &'t mut Tree {
    path.iter().fold(tree, |here, name| {
        let next = here.entry(name.as_bytes().to_vec());
        match next.or_insert_with(|| Node::Bucket(Tree::new())) {
            Node::Bucket(tree) => tree,
            Node::Value(_) => panic!("{name} is a value"),
        }
    })
}

/// How a database is laid out.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Bytes of a page.
    pub page_size: usize,
    /// Most elements of a page: few of them make deep trees.
    pub elements: usize,
    /// Whether small buckets lie in the page of the bucket that they are in.
    pub inline: bool,
    /// The transaction that wrote it.
    pub transaction: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            page_size: 4096,
            elements: 64,
            inline: true,
            transaction: 3,
        }
    }
}

/// The bytes of a database file.
///
/// # Panics
/// If something is too large for the format.
pub fn file(tree: &Tree, shape: Shape) -> Vec<u8> {
    let mut writer = Writer {
        shape,
        // The two meta pages and the list of free pages, which is empty.
        bytes: vec![0; 3 * shape.page_size],
    };
    let free_list = page_header(2, 0x10, 0, 0);
    writer.bytes[2 * shape.page_size..][..HEADER].copy_from_slice(&free_list);
    let root = writer.bucket_pages(tree);
    let pages = (writer.bytes.len() / shape.page_size) as u64;
    for page in 0..2 {
        // The older one is of a database without anything, as bbolt begins.
        let transaction = shape.transaction - u64::from(shape.transaction % 2 != page);
        let meta = meta_page(page, shape.page_size as u32, root, pages, transaction);
        let at = page as usize * shape.page_size;
        writer.bytes[at..at + meta.len()].copy_from_slice(&meta);
    }
    writer.bytes
}

fn meta_page(page: u64, page_size: u32, root: u64, pages: u64, transaction: u64) -> Vec<u8> {
    let mut meta = Vec::new();
    for word in [0xED0C_DAED_u32, 2, page_size, 0] {
        meta.extend(word.to_le_bytes());
    }
    // The root bucket's page and sequence, the list of free pages, the end, the transaction.
    for word in [root, 0, 2, pages, transaction] {
        meta.extend(word.to_le_bytes());
    }
    let sum = meta.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    meta.extend(sum.to_le_bytes());
    [page_header(page, 4, 0, 0), meta].concat()
}

fn page_header(number: u64, flags: u16, count: usize, overflow: u32) -> Vec<u8> {
    let mut header = number.to_le_bytes().to_vec();
    header.extend(flags.to_le_bytes());
    header.extend(u16::try_from(count).unwrap().to_le_bytes());
    header.extend(overflow.to_le_bytes());
    header
}

/// A leaf element: its flags, key and value.
type Leaf = (u32, Vec<u8>, Vec<u8>);

struct Writer {
    shape: Shape,
    bytes: Vec<u8>,
}

impl Writer {
    /// Writes a bucket's pages, and gives the number of its root page.
    fn bucket_pages(&mut self, tree: &Tree) -> u64 {
        let leaves: Vec<Leaf> = tree
            .iter()
            .map(|(key, node)| self.leaf(key, node))
            .collect();
        if leaves.is_empty() {
            return self.page(2, 0, leaf_body(&[]));
        }
        let mut level: Vec<(Vec<u8>, u64)> = Vec::new();
        for some in leaves.chunks(self.shape.elements) {
            let page = self.page(2, some.len(), leaf_body(some));
            level.push((some[0].1.clone(), page));
        }
        while level.len() > 1 {
            let below = std::mem::take(&mut level);
            for some in below.chunks(self.shape.elements.max(2)) {
                let page = self.page(1, some.len(), branch_body(some));
                level.push((some[0].0.clone(), page));
            }
        }
        level[0].1
    }

    fn leaf(&mut self, key: &[u8], node: &Node) -> Leaf {
        match node {
            Node::Value(value) => (0, key.to_vec(), value.clone()),
            Node::Bucket(tree) => (1, key.to_vec(), self.bucket(tree)),
        }
    }

    /// The value that stands for a bucket.
    fn bucket(&mut self, tree: &Tree) -> Vec<u8> {
        let flat: Option<Vec<Leaf>> = tree
            .iter()
            .map(|(key, node)| match node {
                Node::Value(value) => Some((0, key.clone(), value.clone())),
                Node::Bucket(_) => None,
            })
            .collect();
        // As bbolt does: no bucket in it, and no more than a quarter of a page.
        if let Some(leaves) = flat.filter(|_| self.shape.inline) {
            let body = leaf_body(&leaves);
            if HEADER + body.len() <= self.shape.page_size / 4 {
                let header = [0_u64.to_le_bytes(), 0_u64.to_le_bytes()].concat();
                return [header, page_header(0, 2, leaves.len(), 0), body].concat();
            }
        }
        let root = self.bucket_pages(tree);
        [root.to_le_bytes(), 0_u64.to_le_bytes()].concat()
    }

    /// Appends a page, and as many behind it as it overflows into.
    fn page(&mut self, flags: u16, count: usize, body: Vec<u8>) -> u64 {
        let size = self.shape.page_size;
        let number = (self.bytes.len() / size) as u64;
        let pages = (HEADER + body.len()).div_ceil(size);
        let overflow = u32::try_from(pages - 1).unwrap();
        self.bytes
            .extend(page_header(number, flags, count, overflow));
        self.bytes.extend(body);
        self.bytes.resize((number as usize + pages) * size, 0);
        number
    }
}

fn leaf_body(leaves: &[Leaf]) -> Vec<u8> {
    let (mut elements, mut data) = (Vec::new(), Vec::new());
    for (nth, (flags, key, value)) in leaves.iter().enumerate() {
        let position = (leaves.len() - nth) * HEADER + data.len();
        for word in [*flags as usize, position, key.len(), value.len()] {
            elements.extend(u32::try_from(word).unwrap().to_le_bytes());
        }
        data.extend(key);
        data.extend(value);
    }
    [elements, data].concat()
}

fn branch_body(children: &[(Vec<u8>, u64)]) -> Vec<u8> {
    let (mut elements, mut data) = (Vec::new(), Vec::new());
    for (nth, (key, page)) in children.iter().enumerate() {
        let position = (children.len() - nth) * HEADER + data.len();
        for word in [position, key.len()] {
            elements.extend(u32::try_from(word).unwrap().to_le_bytes());
        }
        elements.extend(page.to_le_bytes());
        data.extend(key);
    }
    [elements, data].concat()
}
