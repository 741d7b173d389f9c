//! Assignments and arithmetic.

use brush_parser::ast;

use super::Walk;
use crate::construct::{Assignment, Context, Form};
use crate::script::Refused;
use crate::word::{Reader, Word};

impl Walk {
    pub(super) fn assignment(
        &mut self,
        assignment: &ast::Assignment,
        context: &Context,
    ) -> Result<Assignment, Refused> {
        let (name, element) = match &assignment.name {
            ast::AssignmentName::VariableName(name) => (name.clone(), false),
            ast::AssignmentName::ArrayElementName(name, index) => {
                self.arithmetic(index, context)?;
                (name.clone(), true)
            }
        };
        let mut values = Vec::new();
        let array = match &assignment.value {
            ast::AssignmentValue::Scalar(word) => {
                values.push(self.word(&word.value, context)?);
                false
            }
            ast::AssignmentValue::Array(items) => {
                for (index, value) in items {
                    if let Some(index) = index {
                        self.word(&index.value, context)?;
                    }
                    values.push(self.word(&value.value, context)?);
                }
                true
            }
        };
        Ok(Assignment {
            name,
            append: assignment.append,
            element,
            values,
            array,
        })
    }

    /// An arithmetic expression, as a command of its own.
    pub(super) fn arithmetic(&mut self, text: &str, context: &Context) -> Result<(), Refused> {
        let at = self.at;
        self.read(context, |reader| {
            reader.arithmetic(text, usize::MAX)?;
            Ok(Word::default())
        })?;
        self.push(Form::Arithmetic, at, vec![Reader::verbatim(text)], context);
        Ok(())
    }
}
