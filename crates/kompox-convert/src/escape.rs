//! Text that Kubernetes would change, written so that it arrives unchanged. Pure.

/// Doubles every `$`: in `command`, `args` and probes Kubernetes replaces `$(NAME)` by a variable and `$$` by `$`.
pub(crate) fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::literal;
    use proptest::prelude::*;

    /// What Kubernetes does to `command` and `args`, given that no variable is replaced by its own text.
    fn expand(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let (Some(after), Some(end)) = (rest.strip_prefix('('), rest.find(')')) {
                out.push_str("REPLACED");
                rest = &after[end..];
            } else {
                out.push('$');
            }
        }
        out + rest
    }

    #[test]
    fn the_model_of_kubernetes_expands() {
        assert_eq!(expand("a$(B)c $$(D) $E"), "aREPLACEDc $(D) $E");
    }

    proptest! {
        #[test]
        fn any_text_arrives(text in "[$()a-zA-Z \\PC]{0,40}") {
            prop_assert_eq!(expand(&literal(&text)), text);
        }
    }
}
