"""The files in systemd/ are accepted by systemd's own programs."""

import configparser
import subprocess
from dataclasses import fields
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.cli.daemon import USUAL_SOCKET
from twisted_relay.config.tree import RelayOptions

SYSTEMD = Path(__file__).resolve().parent.parent / "systemd"


class UnitTests(SynchronousTestCase):
    """relay.service and what belongs to it."""

    def call(self, *command: str | Path) -> tuple[int, str]:
        """Exit status, and all that was printed."""
        called = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return called.returncode, called.stdout

    def folder(self) -> Path:
        path = Path(self.mktemp()).absolute()
        path.mkdir()
        return path

    def test_the_unit_is_valid(self) -> None:
        """`systemd-analyze verify` finds nothing to say; the program it starts need not be installed for that."""
        unit = self.folder() / "relay.service"
        text = (SYSTEMD / "relay.service").read_text()
        unit.write_text(text.replace("/opt/relay/bin/twistd", "/bin/true"))
        self.assertNotEqual(unit.read_text(), text)
        self.assertEqual(self.call("systemd-analyze", "verify", "--man=no", unit), (0, ""))

    def test_a_stop_has_time_for_the_grace_period(self) -> None:
        """systemd waits longer for a stop than relay waits for its requests, and a bad file is no reason to retry."""
        unit = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",))
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read(SYSTEMD / "relay.service")
        service = unit["Service"]
        self.assertGreater(int(service["TimeoutStopSec"].removesuffix("s")), 30)
        self.assertEqual(service["RestartPreventExitStatus"], "78")
        self.assertIn("twistd -n --pidfile= relay --config /etc/relay/relay.ini", service["ExecStart"])

    def test_the_control_socket_has_a_place(self) -> None:
        """The directory where the commands look for the control socket is made, and belongs to the user of relay."""
        folder, _, _ = USUAL_SOCKET.rpartition("/")
        self.assertIn(f"\nRuntimeDirectory={folder.removeprefix('/run/')}\n", (SYSTEMD / "relay.service").read_text())

    def test_what_is_kept_has_a_place(self) -> None:
        """The directory that the reference names for `state_dir` is made, and belongs to the user of relay."""
        folder = next(each.metadata["option"].example for each in fields(RelayOptions) if each.name == "state_dir")
        self.assertIn(f"\nStateDirectory={folder.removeprefix('/var/lib/')}\n", (SYSTEMD / "relay.service").read_text())

    def test_the_user_is_created(self) -> None:
        """`systemd-sysusers` makes the user and the group that the unit names."""
        root = self.folder()
        (root / "etc").mkdir()
        status, said = self.call("systemd-sysusers", f"--root={root}", SYSTEMD / "sysusers.d" / "relay.conf")
        self.assertEqual(status, 0, said)
        self.assertRegex((root / "etc" / "passwd").read_text(), r"(?m)^relay:x:\d+:\d+:Relay proxy:/:")
        self.assertRegex((root / "etc" / "group").read_text(), r"(?m)^relay:x:\d+:")
