//! What a loader answers, and its text form. Pure.

use serde_json::Value;

/// What a loader answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The normalised project.
    Config(Value),
    /// Why there is none.
    Refused(String),
}

impl Outcome {
    /// Reads its text form.
    ///
    /// # Errors
    /// When it is neither a refusal nor JSON.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        match text.strip_prefix("refused:") {
            Some(why) => Ok(Self::Refused(why.trim().to_owned())),
            None => serde_json::from_str(text).map(Self::Config),
        }
    }

    /// Its text form.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Config(config) => format!("{config:#}\n"),
            Self::Refused(why) => format!("refused: {why}\n"),
        }
    }

    /// Whether there is no project.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}
