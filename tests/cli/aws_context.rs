use super::home::Home;

#[test]
fn the_context_is_that_of_the_stored_version() {
    let home = Home::with_vault();
    home.put("a \"b\"/ü", "x");
    let text = home.run(["aws-context", "a \"b\"/ü"]).ok().text();
    assert!(text.is_ascii() && text.ends_with("}\n") && text.lines().count() == 1, "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (json["group"].as_str(), json["path"].as_str()),
        (Some("main.1"), Some("a \"b\"/ü"))
    );
    assert_eq!(json["vault"].as_str().unwrap().len(), 32);
    assert_eq!(json.as_object().unwrap().len(), 3);
    // What is not there yet is told too: policies come first.
    let json = home.run(["aws-context", "none"]).ok().json();
    assert_eq!(json["path"], "none");
    home.run(["aws-context", "a//b"]).fails(2, "segment");
}
