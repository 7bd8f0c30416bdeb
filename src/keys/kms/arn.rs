//! Names of KMS keys that can be pinned.

/// The ARN of a KMS key (never of an alias): `arn:PARTITION:kms:REGION:ACCOUNT:key/ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyArn {
    text: String,
    region: String,
}

impl KeyArn {
    /// Reads an ARN; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "kms", region, account, resource] = parts[..] else { return None };
        let id = resource.strip_prefix("key/")?;
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let legal = [partition, region, account, id].into_iter().all(plain);
        legal.then(|| Self { text: text.to_owned(), region: region.to_owned() })
    }

    /// The region of the key.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// True for a key that exists in several regions under one id.
    pub fn is_multi_region(&self) -> bool {
        self.text.contains(":key/mrk-")
    }

    /// The same multi-Region key in another region.
    pub(super) fn in_region(&self, region: &str) -> Self {
        let text = self.text.replacen(&format!(":{}:", self.region), &format!(":{region}:"), 1);
        Self { text, region: region.to_owned() }
    }

    /// Whether `answered`, the key that KMS says it used, is this one: equal, or, of a
    /// multi-Region key, its replica in another region.
    pub(super) fn is(&self, answered: &str) -> bool {
        if !self.is_multi_region() {
            return self.text == answered;
        }
        Self::parse(answered).is_some_and(|other| other.in_region(&self.region) == *self)
    }
}

impl std::fmt::Display for KeyArn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234-ab";
    const MANY: &str = "arn:aws:kms:eu-west-1:123456789012:key/mrk-12";

    #[test]
    fn only_keys_have_an_arn_of_a_key() {
        assert_eq!(KeyArn::parse(KEY).unwrap().region(), "eu-west-1");
        for bad in [
            "",
            "alias/x",
            "1234-ab",
            "arn:aws:kms:eu-west-1:123456789012:alias/x",
            "arn:aws:s3:eu-west-1:123456789012:key/x",
            "arn:aws:kms::123456789012:key/x",
            "arn:aws:kms:eu-west-1:123456789012:key/",
            "arn:aws:kms:eu-west-1:123456789012:key/x:y",
            "arn:aws:kms:eu-west-1:123456789012:key/x\n",
        ] {
            assert!(KeyArn::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_itself_and_a_multi_region_key_also_its_replica() {
        let key = KeyArn::parse(KEY).unwrap();
        assert!(key.is(KEY));
        for other in
            [&KEY.replace("1234-ab", "1234-ac"), &KEY.replace("eu-west-1", "eu-west-2"), ""]
        {
            assert!(!key.is(other), "{other}");
        }
        let many = KeyArn::parse(MANY).unwrap();
        assert!(many.is(MANY) && many.is(&MANY.replace("eu-west-1", "us-east-1")));
        for other in [
            MANY.replace("mrk-12", "mrk-13"),
            MANY.replace("123456789012", "123456789013"),
            MANY.replace("arn:aws:", "arn:aws-cn:"),
            MANY.replace("key/", "alias/"),
            "mrk-12".into(),
        ] {
            assert!(!many.is(&other), "{other}");
        }
    }
}
