//! The text of an ENVI header: `key = value` pairs, in the ways in which real programs write them.

use std::collections::HashMap;

use crate::format::shorten;

/// The `key = value` pairs of a header; keys in lower case.
pub(super) struct Fields(HashMap<String, String>);

impl Fields {
    /// Reads the text of a header.
    pub(super) fn parse(text: &str) -> std::result::Result<Fields, String> {
        let mut lines = text.trim_start_matches('\u{feff}').lines();
        if lines.next().map(str::trim) != Some("ENVI") {
            return Err("does not begin with the word ENVI, so is no ENVI header".to_owned());
        }
        let mut fields = HashMap::new();
        while let Some(line) = lines.next() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(';') {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                return Err(format!("the line '{}' is no 'key = value'", shorten(line)));
            };
            let key = key
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .to_ascii_lowercase();
            let mut value = value.trim().to_owned();
            while value.starts_with('{') && !value.contains('}') {
                let Some(more) = lines.next() else {
                    return Err(format!("ends within the braces of '{key}'; it is truncated"));
                };
                if !more.trim_start().starts_with(';') {
                    value.push(' ');
                    value.push_str(more.trim());
                }
            }
            if let Some(first) = fields.insert(key.clone(), value.clone())
                && first != value
            {
                return Err(format!(
                    "says '{key}' twice, {} and {}",
                    shorten(&first),
                    shorten(&value)
                ));
            }
        }
        Ok(Fields(fields))
    }

    /// What stands behind a key.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// A whole number, if the key is there.
    pub(super) fn number(&self, key: &str) -> std::result::Result<Option<u64>, String> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        let number = text
            .parse()
            .map_err(|_| format!("{key} = {} is no whole number", shorten(text)))?;
        Ok(Some(number))
    }

    /// A whole number that must be there.
    pub(super) fn needed(&self, key: &str) -> std::result::Result<u64, String> {
        self.number(key)?
            .ok_or_else(|| format!("does not say '{key}'; it is truncated or no image's header"))
    }

    /// The values between braces, without empty ones.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        let inside = self.text(key).unwrap_or_default().trim_start_matches('{');
        let inside = inside.split('}').next().unwrap_or_default();
        let values = inside.split(',').map(|value| value.trim().to_owned());
        values.filter(|value| !value.is_empty()).collect()
    }
}
