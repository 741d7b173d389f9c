//! Who watches long work: what happens is told, and whether to go on is asked.

/// Something that happens while an environment is ensured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// An image is pulled.
    Pulling(&'a str),
    /// Another process builds a stage; this one waits for it.
    Waiting(&'a str),
    /// A stage is built.
    Building(&'a str),
    /// The daemon went away while a stage was built, which is built once more when it is back.
    Lost(&'a str),
    /// A line that a stage's script, or docker in a pull, has printed. Values of secrets are not in it.
    Said {
        /// The stage, or `pull`.
        by: &'a str,
        /// The line.
        line: &'a str,
    },
    /// Nothing runs any more.
    Done,
}

/// Who watches.
pub trait Watch {
    /// Hears what happens.
    fn hear(&mut self, event: Event<'_>);

    /// Whether to stop now. Asked every few milliseconds while something runs.
    fn stop(&mut self) -> bool;
}

/// Nobody watches.
impl Watch for () {
    fn hear(&mut self, _: Event<'_>) {}
    fn stop(&mut self) -> bool {
        false
    }
}
