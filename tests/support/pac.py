"""Browsers, as far as they read a PAC file: Node runs the script, in a context that has what browsers put there."""

import json
import subprocess
from collections.abc import Sequence

_READER = """
const {readFileSync} = require("fs");
const vm = require("vm");
const {script, asked} = JSON.parse(readFileSync(0));
const mustNot = name => [name, () => { throw new Error(name + " is not the same everywhere, or slow"); }];
const offered = ["isPlainHostName", "dnsDomainIs", "localHostOrDomainIs", "isResolvable", "isInNet", "dnsResolve",
  "myIpAddress", "dnsDomainLevels", "shExpMatch", "weekdayRange", "dateRange", "timeRange", "alert"];
const context = vm.createContext(Object.fromEntries(offered.map(mustNot)));
vm.runInContext('"use strict";' + script, context, {timeout: 1000});
console.log(JSON.stringify(asked.map(each => context.FindProxyForURL(...each))));
"""


def ways(script: str, asked: Sequence[tuple[str, str]]) -> list[str]:
    """What a PAC file says to each URL and host."""
    given = json.dumps({"script": script, "asked": asked})
    done = subprocess.run(["node", "-e", _READER], input=given, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def way_to_hosts(script: str, hosts: Sequence[str]) -> dict[str, str]:
    """The same for hosts, as browsers name them: addresses of IPv6 stand in brackets in the URL only."""
    asked = [(f"http://[{host}]/" if ":" in host else f"http://{host}/", host) for host in hosts]
    return dict(zip(hosts, ways(script, asked), strict=True))
