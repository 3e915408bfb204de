"""The sites that programs reach through a forward proxy: names below `office.test`, which only the proxy can find.

nginx serves the files of each name, over https with a certificate of the test's own authority, and on `/live` passes
WebSocket on to Node. Whoever has got something from them has come through the proxy: no other resolver knows them.
"""

from pathlib import Path

import trustme
from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.origins import start_nginx, start_node
from tests.scenarios.relays import new_folder
from tests.support.child import free_ports

NAMES = ("pypi", "npm", "git", "www")
NGINX = """
    server {
        listen 127.0.0.1:%s ssl;
        listen [::1]:%s ssl;
        listen 127.0.0.1:%s;
        listen [::1]:%s;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        root files/$host;
        index index.html;
        client_max_body_size 0;
        types { text/html html; }
        location /live {
            proxy_pass http://127.0.0.1:%s;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $http_connection;
        }
        location /node/ { proxy_pass http://127.0.0.1:%s/; }
    }
"""


class Outside:
    """The sites of one test."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self.folder = new_folder(case)
        self.authority = self.folder / "ca.pem"
        self.hosts = self.folder / "hosts"
        self.secure, self.plain = map(str, free_ports(2))
        self.node = str(start_node(case).place)
        self._write_certificate()
        names = [f"{name}.office.test" for name in NAMES]
        lines = [f"127.0.0.1 {' '.join(names)}", "127.0.0.1 v4.office.test", "::1 v6.office.test"]
        self.hosts.write_text("\n".join(lines) + "\n")
        ports = (self.secure, self.secure, self.plain, self.plain)
        start_nginx(case, self.folder, NGINX % (*ports, self.node, self.node))

    def _write_certificate(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        issued = authority.issue_cert("*.office.test", "127.0.0.1", "::1")
        issued.cert_chain_pems[0].write_to_path(self.folder / "cert.pem")
        issued.private_key_pem.write_to_path(self.folder / "key.pem")

    def url(self, name: str, path: str = "") -> str:
        """Where a site is found over https."""
        return f"https://{name}.office.test:{self.secure}/{path}"

    def file(self, name: str, path: str) -> Path:
        """Where a file of a site is written."""
        place = self.folder / "files" / f"{name}.office.test" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place
