//! Statements of policies, as whoever runs an account would write them.

use serde_json::json;

/// The statement that allows one action on one resource, narrowed to one pair of condition key
/// and pattern if there is one.
pub fn statement(action: &str, resource: &str, condition: Option<(&str, &str)>) -> String {
    let mut statement = json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    if let Some((key, pattern)) = condition {
        let operator = if pattern.contains(['*', '?']) { "StringLike" } else { "StringEquals" };
        statement["Condition"] = json!({ operator: { key: pattern } });
    }
    statement.to_string()
}

#[cfg(test)]
mod tests {
    use super::statement;

    #[test]
    fn a_statement_is_json_whatever_is_in_it() {
        assert_eq!(
            statement("s3:GetObject", "arn:aws:s3:::b/s/a\"b", None),
            r#"{"Action":"s3:GetObject","Effect":"Allow","Resource":"arn:aws:s3:::b/s/a\"b"}"#
        );
        let narrowed = statement("s3:ListBucket", "arn:aws:s3:::b", Some(("s3:prefix", "p/*")));
        assert!(narrowed.contains(r#""Condition":{"StringLike":{"s3:prefix":"p/*"}}"#));
    }
}
