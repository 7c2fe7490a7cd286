//! Names and identifiers of resources.

use std::borrow::Cow;

use crate::{error::Error, types::ResourceType};

/// The most characters a resource's name may have.
pub const MAX_RESOURCE_NAME: usize = 255;

/// Refuses a text that cannot name a resource: 2–255 characters of letters, digits, `.`, `-`, `_`, the first and the
/// last a letter or digit.
pub fn check_resource_name(name: &str) -> Result<(), Error> {
    if name.len() > MAX_RESOURCE_NAME && name.chars().count() > MAX_RESOURCE_NAME {
        return Err(Error::invalid_input(format!(
            "{} is not a valid resource name. Resource names must be at most {MAX_RESOURCE_NAME} characters long.",
            crate::error::excerpt(name)
        )));
    }
    let bytes = name.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    if bytes.len() < 2 || !bytes.iter().all(allowed) {
        return Err(Error::invalid_input(format!(
            "{name} is not a valid resource name. Resource names must be at least 2 characters long and contain only \
             alphanumerics, -, _, and ."
        )));
    }
    if !edge(bytes.first()) || !edge(bytes.last()) {
        return Err(Error::invalid_input(format!(
            "{name} is not a valid resource name. Resource names must begin and end with an alphanumeric character."
        )));
    }
    Ok(())
}

/// Makes a resource's ARN.
pub fn arn(region: &str, account_id: &str, kind: ResourceType, id: &str) -> String {
    format!("arn:aws:lightsail:{region}:{account_id}:{kind}/{id}")
}

/// Makes the support code of a resource, such as `111122223333/i-0a1b…`.
pub fn support_code(account_id: &str, kind: ResourceType, id: &str) -> String {
    let short: String = id.chars().filter(char::is_ascii_alphanumeric).take(17).collect();
    let code: Cow<'_, str> = match kind {
        ResourceType::Instance => format!("i-{short}").into(),
        ResourceType::Disk => format!("vol-{short}").into(),
        ResourceType::InstanceSnapshot => format!("ami-{short}").into(),
        ResourceType::DiskSnapshot => format!("snap-{short}").into(),
        _ => id.into(),
    };
    format!("{account_id}/{code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_obey_the_guide() {
        for name in ["ab", "lab-1", "1.2_3-4", "A0", &"x".repeat(255)] {
            check_resource_name(name).expect(name);
        }
        for (name, words) in [
            ("", "at least 2"),
            ("a", "at least 2"),
            (
                "custom gitlab",
                "custom gitlab is not a valid resource name. Resource names must be at least 2 characters long and contain only alphanumerics, -, _, and .",
            ),
            ("ünder", "contain only"),
            ("a/b", "contain only"),
            ("a\nb", "contain only"),
            ("-ab", "begin and end"),
            ("ab.", "begin and end"),
            (&"x".repeat(256), "at most 255"),
        ] {
            let error = check_resource_name(name).expect_err(name);
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn identifiers_have_the_services_form() {
        let id = "5ab1b6cf-90d5-4e4e-9a3c-4b9b6d8cbc3d";
        assert_eq!(
            arn("us-east-2", "111122223333", ResourceType::Instance, id),
            format!("arn:aws:lightsail:us-east-2:111122223333:Instance/{id}")
        );
        assert_eq!(support_code("111122223333", ResourceType::Disk, id), "111122223333/vol-5ab1b6cf90d54e4e9");
        assert_eq!(support_code("111122223333", ResourceType::KeyPair, "my-key"), "111122223333/my-key");
    }
}
