"""Mailboxes: SMTP out (or a provider's API), IMAP in."""

from outreach.lib.networks import Network

CAPABILITIES = frozenset({"email", "verify", "fetch_inbox", "set_labels"})
NETWORK = Network(
    name="email",
    label="E-mail",
    credential_fields={"password": "Password or app password"},
    optional_fields={
        "smtp_host": "SMTP server (not needed with a provider)",
        "smtp_port": "SMTP port (587; 465 with TLS)",
        "smtp_security": "SMTP security: starttls or tls (starttls)",
        "imap_host": "IMAP server (empty: replies and bounces are not read)",
        "imap_port": "IMAP port (993; 143 with STARTTLS)",
        "imap_security": "IMAP security: tls or starttls (tls)",
        "username": "User name (the address)",
        "from_name": "Name people see",
        "dkim_selector": "DKIM selector, if it has an unusual name",
        "provider": "Send through a provider's API: postmark, mailgun, brevo or resend",
        "provider_key": "The provider's API key",
    },
    capabilities=CAPABILITIES,
    closed={
        "post": "E-mail has no public posts.",
        "follow": "Nobody can be followed by e-mail.",
        "like": "Nothing can be liked by e-mail.",
        "dm": "A message by e-mail is the act E-mail.",
    },
)
