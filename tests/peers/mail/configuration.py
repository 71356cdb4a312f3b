"""What our instances of Postfix and Dovecot are told: everything on loopback, nothing may leave the machine.

Where mail goes by its domain:

    ours.test, people.test   mailboxes in Dovecot
    remote.test              another server, spoken to by SMTP
    down.test                a server that is away: a warning soon, and given up after some seconds
    grey.test                mailboxes in Dovecot, put off at first
    blocked.test             returned: 5.7.1
    refused.test             refused at RCPT: nobody@ (5.1.1), full@ (5.2.2) and closed@ (5.7.1)
    anything else            returned: no such domain

A login may write as its own address only; what a mailbox of ours.test sends is filed among its sent mails.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SENT = "Outgoing"  # a name nobody guesses: the folder is known by its mark
MAILBOX_DOMAINS = ("ours.test", "people.test", "grey.test")
GIVEN_UP_SECONDS = 12
WARNED_SECONDS = 2
_NAMES = ("submission", "submissions", "plain", "stale", "relay", "imap", "imaps", "closed")


@dataclass(frozen=True, slots=True)
class Ports:
    """``submission`` asks for STARTTLS, ``submissions`` speaks TLS at once, ``plain`` knows no TLS, ``stale`` has an ended
    certificate, ``relay`` takes mail from anywhere as port 25 does; ``closed`` is nobody's.
    """

    submission: int
    submissions: int
    plain: int
    stale: int
    relay: int
    imap: int
    imaps: int
    closed: int

    @classmethod
    def number(cls) -> int:
        return len(_NAMES)


MAIN = """
compatibility_level = 3.6
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
queue_directory = {folder}/queue
data_directory = {folder}/state
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.ours.test
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
smtp_dns_support_level = disabled
smtp_host_lookup = native
default_transport = error:5.4.4 Host or domain name not found. Name service error for name=unknown type=AAAA: Host not found
virtual_mailbox_domains = {domains}
virtual_transport = lmtp:unix:{folder}/lmtp
transport_maps = inline:{{ remote.test=smtp:[127.0.0.1]:{remote}, down.test=smtp:[127.0.0.1]:{closed},
  {{ blocked.test = error:5.7.1 You may not write to this group }} }}
sender_bcc_maps = regexp:{folder}/filed
recipient_delimiter = +
strict_smtputf8 = no
smtputf8_enable = yes

queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
maximal_queue_lifetime = {given_up}s
bounce_queue_lifetime = {given_up}s
delay_warning_time = {warned}s

smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
smtpd_tls_auth_only = yes
smtpd_forbid_bare_newline = yes
smtpd_data_restrictions = reject_unauth_pipelining
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_sender_login_maps = regexp:{folder}/owners
smtpd_recipient_restrictions = check_recipient_access inline:{{
    {{ nobody@refused.test = 550 5.1.1 User unknown in virtual mailbox table }},
    {{ full@refused.test = 552 5.2.2 Mailbox full }}, {{ closed@refused.test = REJECT }} }},
  check_policy_service inet:127.0.0.1:{greylist}, permit_sasl_authenticated, permit_mynetworks, reject
smtpd_reject_unlisted_recipient = no
senders = check_sender_access inline:{{ {{ lapsed@ours.test = 550 5.1.8 Domain not found }},
  {{ barred@ours.test = REJECT }} }}, reject_sender_login_mismatch
"""

FILED = rf"/^(.+)@ours\.test$/ $1+{SENT}@ours.test" "\n"

SUBMISSION = """ -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o mynetworks=
  -o smtpd_sender_restrictions=$senders"""

MASTER = """
127.0.0.1:{submission} inet n - n - - smtpd -o smtpd_tls_security_level=encrypt {options}
127.0.0.1:{submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes {options}
127.0.0.1:{plain} inet n - n - - smtpd -o smtpd_tls_security_level=none {options}
127.0.0.1:{stale} inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_cert_file={stale_certificate} -o smtpd_tls_key_file={stale_key} {options}
127.0.0.1:{relay} inet n - n - - smtpd -o smtpd_tls_security_level=may
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""

DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/run
instance_name = outreach-{imap}
log_path = {folder}/dovecot.log
listen = 127.0.0.1
protocols = imap lmtp
auth_mechanisms = plain login
auth_failure_delay = 0 secs
disable_plaintext_auth = yes
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_plugins = quota
mail_max_userip_connections = 40
recipient_delimiter = +
lmtp_save_to_detail_mailbox = yes
submission_host = 127.0.0.1:{relay}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users/%u
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users/%u
  default_fields = uid={uid} gid={gid} home={folder}/mail/%d/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox {sent} {{
    auto = subscribe
    special_use = \\Sent
  }}
}}
protocol imap {{
  mail_plugins = quota imap_quota
}}
protocol lmtp {{
  mail_plugins = quota sieve
  postmaster_address = postmaster@ours.test
}}
plugin {{
  quota = maildir:User quota
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_vacation_min_period = 0
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  unix_listener {folder}/lmtp {{
    mode = 0666
  }}
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
"""


def write(folder: Path, ports: Ports, **values: object) -> None:
    """All files of both servers into ``folder``; ``values`` are what the texts above name beside folder and ports."""
    numbers = {name: getattr(ports, name) for name in _NAMES}
    known = {
        **numbers, **values, "folder": folder, "domains": ", ".join(MAILBOX_DOMAINS), "sent": SENT,
        "given_up": GIVEN_UP_SECONDS, "warned": WARNED_SECONDS,
    }  # fmt: skip
    known["options"] = SUBMISSION.format(**known).strip()
    (folder / "postfix").mkdir()
    (folder / "postfix/main.cf").write_text(MAIN.format(**known))
    (folder / "postfix/master.cf").write_text(MASTER.format(**known))
    (folder / "dovecot.conf").write_text(DOVECOT.format(**known))
    (folder / "filed").write_text(FILED)
    (folder / "owners").write_text("/^(.+)$/ $1\n")
    (folder / "users").mkdir()  # a file each: Dovecot looks at one file once a second at most
