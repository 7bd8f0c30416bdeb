# Written by hand, for the stage "dev".
region      = "eu-central-1"
db_password = "made-up \"1\" $${not} a template"
certificate = <<-EOT
  -----BEGIN MADE UP-----
    bWFkZS11cA==
  -----END MADE UP-----
EOT
replicas    = 3
tls         = true
users       = ["made-up-2", "made-up-3"]
api = {
  key    = "made-up-4"
  "hook" : "made-up-5",
}
