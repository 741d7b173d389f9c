//! Redirections.

use brush_parser::ast;

use super::Walk;
use crate::construct::{Context, Redirect, RedirectKind};
use crate::script::Refused;
use crate::word::{Reader, Word};

impl Walk {
    pub(super) fn redirect(
        &mut self,
        redirect: &ast::IoRedirect,
        context: &Context,
    ) -> Result<Redirect, Refused> {
        let verbatim = |text: String| Reader::verbatim(&text);
        let (kind, target) = match redirect {
            ast::IoRedirect::File(_, kind, target) => {
                use ast::IoFileRedirectKind as Brush;
                let kind = match kind {
                    Brush::Read => RedirectKind::Read,
                    Brush::Write | Brush::Clobber => RedirectKind::Write,
                    Brush::Append => RedirectKind::Append,
                    Brush::ReadAndWrite => RedirectKind::ReadWrite,
                    Brush::DuplicateInput | Brush::DuplicateOutput => RedirectKind::Duplicate,
                };
                match target {
                    ast::IoFileRedirectTarget::Filename(word) => {
                        (kind, self.word(&word.value, context)?)
                    }
                    ast::IoFileRedirectTarget::Fd(number) => (kind, verbatim(number.to_string())),
                    ast::IoFileRedirectTarget::Duplicate(word) => {
                        (kind, self.word(&word.value, context)?)
                    }
                    ast::IoFileRedirectTarget::ProcessSubstitution(_, subshell) => {
                        self.process(subshell, context)?;
                        (RedirectKind::Process, Word::default())
                    }
                }
            }
            ast::IoRedirect::HereDocument(_, document) => {
                let text = &document.doc.value;
                let word = if document.requires_expansion {
                    self.read(context, |reader| reader.here_document(text))?
                } else {
                    verbatim(text.clone())
                };
                (RedirectKind::HereDocument, word)
            }
            ast::IoRedirect::HereString(_, word) => {
                (RedirectKind::HereString, self.word(&word.value, context)?)
            }
            ast::IoRedirect::OutputAndError(word, append) => {
                let word = self.word(&word.value, context)?;
                let kind = if *append {
                    RedirectKind::Append
                } else {
                    RedirectKind::Write
                };
                (kind, word)
            }
        };
        Ok(Redirect { kind, target })
    }
}
