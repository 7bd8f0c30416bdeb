//! Whether there is an instance metadata service to ask.

use std::path::Path;

/// What this process runs on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Surroundings {
    /// A container service has said where its credentials are.
    pub(super) container: bool,
    /// A machine of EC2.
    pub(super) instance: bool,
}

/// Where Linux says who made the machine, and what EC2 answers: Nitro, and Xen before it.
const MARKS: [(&str, &str); 4] = [
    ("sys/devices/virtual/dmi/id/sys_vendor", "amazon"),
    ("sys/devices/virtual/dmi/id/bios_vendor", "amazon"),
    ("sys/devices/virtual/dmi/id/bios_version", "amazon"),
    ("sys/hypervisor/uuid", "ec2"),
];

impl Surroundings {
    /// Looks at the environment and at the system's files; asks nobody.
    pub(super) fn look() -> Self {
        Self::of(|name| std::env::var(name).ok(), Path::new("/"))
    }

    fn of(var: impl Fn(&str) -> Option<String>, root: &Path) -> Self {
        let set = |name| var(name).is_some_and(|value| !value.is_empty());
        let disabled =
            var("AWS_EC2_METADATA_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let marked = || {
            MARKS.iter().any(|(file, mark)| {
                std::fs::read_to_string(root.join(file))
                    .is_ok_and(|text| text.to_ascii_lowercase().contains(mark))
            })
        };
        Self {
            container: set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
                || set("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
            // Whoever sets an endpoint for it wants it asked.
            instance: !disabled && (set("AWS_EC2_METADATA_SERVICE_ENDPOINT") || marked()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &str)], root: &Path) -> (bool, bool) {
        let var = |name: &str| {
            vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        let Surroundings { container, instance } = Surroundings::of(var, root);
        (container, instance)
    }

    #[test]
    fn only_marks_of_amazon_count() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(of(&[], root.path()), (false, false));
        let file = root.path().join(MARKS[0].0);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "QEMU\n").unwrap();
        assert_eq!(of(&[], root.path()), (false, false));
        std::fs::write(&file, "Amazon EC2\n").unwrap();
        assert_eq!(of(&[], root.path()), (false, true));
        assert_eq!(of(&[("AWS_EC2_METADATA_DISABLED", "true")], root.path()), (false, false));
        assert_eq!(of(&[("AWS_EC2_METADATA_DISABLED", "false")], root.path()), (false, true));
    }

    #[test]
    fn containers_say_so_themselves() {
        let root = tempfile::tempdir().unwrap();
        for name in ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        {
            assert_eq!(of(&[(name, "/x")], root.path()), (true, false));
            assert_eq!(of(&[(name, "")], root.path()), (false, false));
        }
        let endpoint = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")];
        assert_eq!(of(&endpoint, root.path()), (false, true));
    }
}
