//! Wire names to Rust names.

/// Splits at separators, before an upper-case letter after a lower-case one, and before the last letter of a run of
/// upper-case letters that a word follows: `StartGUISession` is `Start GUI Session`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (i, &letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            words.push(if letter == '/' { "Per".into() } else { String::new() });
            if letter == '/' {
                words.push(String::new());
            }
            continue;
        }
        let after_lower = i > 0 && (letters[i - 1].is_ascii_lowercase() || letters[i - 1].is_ascii_digit());
        let ends_run =
            i > 0 && letters[i - 1].is_ascii_uppercase() && letters.get(i + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && (after_lower || ends_run) {
            words.push(String::new());
        }
        words.last_mut().expect("begins with one word").push(letter);
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Gives the name of a type or variant.
pub(crate) fn upper_camel(name: &str) -> String {
    words(name)
        .iter()
        .map(|word| {
            let lower = word.to_ascii_lowercase();
            let (first, rest) = lower.split_at(1);
            first.to_ascii_uppercase() + rest
        })
        .collect()
}

/// Gives the name of a field, escaped where it is a keyword.
pub(crate) fn snake(name: &str) -> String {
    let snake = words(name).join("_").to_ascii_lowercase();
    if snake == "type" { "r#type".into() } else { snake }
}

/// Tells what serde's `camelCase` makes of a field, to know where a rename of its own is needed.
pub(crate) fn serde_camel(field: &str) -> String {
    let mut camel = String::new();
    for (i, word) in field.trim_start_matches("r#").split('_').enumerate() {
        let (first, rest) = word.split_at(1);
        camel += &(if i == 0 { first.to_owned() } else { first.to_ascii_uppercase() });
        camel += rest;
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_words() {
        for (wire, camel, field) in [
            ("StartGUISession", "StartGuiSession", "start_gui_session"),
            ("fingerprintSHA1", "FingerprintSha1", "fingerprint_sha1"),
            ("ipv6Cidrs", "Ipv6Cidrs", "ipv6_cidrs"),
            ("Bytes/Second", "BytesPerSecond", "bytes_per_second"),
            ("StatusCheckFailed_Instance", "StatusCheckFailedInstance", "status_check_failed_instance"),
            ("us-east-2", "UsEast2", "us_east_2"),
            ("LINUX_UNIX", "LinuxUnix", "linux_unix"),
            ("GB-Mo", "GbMo", "gb_mo"),
            ("CPUUtilization", "CpuUtilization", "cpu_utilization"),
            ("type", "Type", "r#type"),
        ] {
            assert_eq!((upper_camel(wire).as_str(), snake(wire).as_str()), (camel, field));
        }
        assert_eq!(serde_camel("size_in_gb"), "sizeInGb");
    }
}
