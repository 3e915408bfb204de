"""The wiring: from a configuration to running listeners, backends and checks. The only module that knows all others."""

import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from twisted_relay import __version__
from twisted_relay.access_log.log import AccessLog
from twisted_relay.accounting.accounting import Accounting
from twisted_relay.admin.access import Access
from twisted_relay.admin.control import Control
from twisted_relay.admin.explain import Explain
from twisted_relay.admin.pages import Pages, pages
from twisted_relay.admin.ports import CONTROL_MODE, AdminPorts
from twisted_relay.admin.servers import Servers
from twisted_relay.admin.site import AdminSite, ControlRequest
from twisted_relay.admin.top import Top, running_in
from twisted_relay.admin.tunnels import Tunnels
from twisted_relay.auth.assemble import NO_VERIFIERS
from twisted_relay.auth.verifier import Verifier
from twisted_relay.config.tree import Config, ListenerOptions
from twisted_relay.discovery.assemble import discoveries_of
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.port import ListenerPorts
from twisted_relay.exchange import Observer
from twisted_relay.feeds.assemble import Fetches, begin, feeds_of
from twisted_relay.guard.guard import Guard
from twisted_relay.guard.ourselves import Ourselves
from twisted_relay.health import watchers_of
from twisted_relay.metrics.exposition import Exposition
from twisted_relay.metrics.requests import RequestMetrics
from twisted_relay.metrics.sources import Sources, certificate_ends
from twisted_relay.names.nameservers import Nameservers
from twisted_relay.names.resolver import Resolver
from twisted_relay.net.deadlines import Deadlines, tick_for
from twisted_relay.net.interfaces import MachineAddresses
from twisted_relay.net.lag import Lag
from twisted_relay.net.poller import poller_in
from twisted_relay.signals import SignalActions, reload_is_not_available, watch_signals
from twisted_relay.summary import summary, warnings
from twisted_relay.tls import listener_context
from twisted_relay.traffic.traffic import Given, Traffic
from twisted_relay.upstream.assemble import Surroundings, look_up_servers


def make_service(
    config: Config, reactor: IReactorTime, verifiers: Mapping[str, Verifier] = NO_VERIFIERS
) -> "RelayService":
    """Everything that the configuration says, ready to be started. Raises `ConfigurationError`.

    `verifiers` know the passwords of the [auth:] sections that they name, instead of files; see `auth.cred`.
    """
    return RelayService(Relay(config, reactor, verifiers=verifiers))


class Relay:
    """The objects of one configuration, tied together. Nothing runs before `open` and `start`."""

    def __init__(
        self,
        config: Config,
        reactor: IReactorTime,
        now: Callable[[], float] = time.monotonic,
        verifiers: Mapping[str, Verifier] = NO_VERIFIERS,
    ) -> None:
        self.config = config
        self.reactor = reactor
        self.now = now
        self.unready = "starting"
        self._is_checked = False  # every server of the start has had its first check
        """Why no traffic should come, for whoever asks; empty while all is well."""
        self.lag = Lag(reactor, now)
        self.logs = {name: AccessLog(options, reactor) for name, options in config.logs.items() if options.to != "off"}
        self.requests: list[RequestMetrics] = []
        self.accounting = _accounting(config, now)
        self.deadlines = Deadlines(reactor, now, _tick(config))
        self.poller = poller_in(reactor)
        self.nameservers = Nameservers(reactor, config.dns)
        self.resolver = Resolver(reactor, config.dns, self.nameservers)
        surroundings = Surroundings(reactor, self.poller, self.deadlines, self.resolver)
        self.ourselves = Ourselves(MachineAddresses(now))
        traffic = Traffic(config, surroundings, self._observers, Given(self.ourselves, verifiers))
        fetches = Fetches(surroundings, Guard((), self.ourselves), config.relay.state_dir)
        self.feeds = feeds_of(traffic.lists, config.lists, fetches)
        self.backends, self.listeners = traffic.groups, traffic.listeners
        self.parents = list(traffic.parents.values())
        self.forwards = traffic.outward.forwards
        if self.accounting is not None:
            self.accounting.running = partial(running_in, self.listeners)
        self.peeked = list(traffic.outward.peeked.values())
        self.rules, self.ways = traffic.rules, traffic.outward.ways
        self.authentication = traffic.authentication
        self.watchers = [w for backend in self.backends.values() for w in watchers_of(backend, random.random)]
        self.discoveries = discoveries_of(self.backends.values(), self.nameservers)
        self.ports = [self._make_ports(listener) for listener in self.listeners]
        self.admin = self._make_admin()
        self.control = self._make_control()

    # -- making ---------------------------------------------------------------------------------------------------

    def _observers(self, options: ListenerOptions) -> list[Observer]:
        """Who is told of every exchange of a listener: metrics, and its access log."""
        routes = [route for route in self.config.routes if not route.listener or options.name in route.listener]
        backends = sorted({options.backend, *(route.backend for route in routes)} - {""})
        if options.leads_out:
            backends += [parent.label for parent in self.config.parents.values()]
        requests = RequestMetrics(options.name, backends, self.config.metrics.buckets)
        self.requests.append(requests)
        log = self.logs.get(options.access_log)
        accounting = None if options.mode == "gateway" else self.accounting
        return [each for each in (requests, accounting, log) if each is not None]

    def _make_admin(self) -> AdminPorts:
        sources = Sources(
            listeners=self.listeners,
            requests=self.requests,
            backends=list(self.backends.values()),
            parents=self.parents,
            discoveries=self.discoveries,
            lists=[feed.list for feed in self.feeds],
            rules=list(self.rules.values()),
            peeked=self.peeked,
            logs=list(self.logs.values()),
            names=self.resolver,
            authenticators=self.authentication.authenticators,
            auth_files=self.authentication.files,
            lag=self.lag.times,
            timers=lambda: len(self.reactor.getDelayedCalls()),
            certificates=certificate_ends(self.config.tls),
            loaded_at=time.time(),
        )
        options = self.config.admin
        resource = Pages(Access(options.allow), pages(Exposition(sources), self.why_unready))
        return AdminPorts(options.stats, AdminSite(resource, self.reactor), self.reactor)

    def _make_control(self) -> AdminPorts:
        servers = Servers(self.backends, time.time)
        explain = Explain(self.listeners, self.backends, self.rules, self.ways)
        resource = Control(
            {"/api/servers": lambda _: servers.all(), "/api/servers/": servers.one},
            {"/api/servers/": servers.change, "/api/explain": lambda _, given: explain.answer(given)},
            {
                "/api/top": Top(self.accounting, self.now).answer,
                "/api/tunnels": Tunnels(self.listeners, self.now).answer,
            },
        )
        path = self.config.admin.bind
        site = AdminSite(resource, self.reactor, ControlRequest)
        return AdminPorts((path,) if path else (), site, self.reactor, CONTROL_MODE)

    def _make_ports(self, listener: Listener) -> ListenerPorts:
        name = listener.options.tls
        context = listener_context(self.config.tls[name]) if name else None
        return ListenerPorts(listener, self.poller, context)

    # -- running --------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the logs, load the lists and listen on every address; raises `ConfigurationError` or `BindError`."""
        for log in self.logs.values():
            log.open()
        begin(self.feeds)
        for ports in self.ports:
            ports.open()
        self.admin.open()
        self.control.open()
        self.ourselves.listen([*self.admin.addresses, *(where for ports in self.ports for where in ports.addresses)])

    def start(self) -> None:
        """Start the clocks."""
        self.unready = ""
        self.lag.start()
        self.deadlines.start()
        for backend in self.backends.values():
            look_up_servers(backend, self.resolver)
        self.authentication.start()
        for watcher in self.watchers:
            watcher.start()
        for discovery in self.discoveries:
            discovery.start()
        for feed in self.feeds:
            feed.start()

    def why_unready(self) -> str:
        """Why no traffic should come; empty while all is well.

        It may come when lists have been fetched, servers have been looked for, and those of the start have had their
        first check.
        """
        waiting = [f"looking for the servers of backend {each.name}" for each in self.discoveries if each.is_waiting]
        waiting += [f"fetching list {each.name}" for each in self.feeds if each.is_waiting]
        reason = self.unready or next(iter(waiting), "")
        if reason or self._is_checked:
            return reason
        checking = (each.name for each in self.backends.values() if any(one.is_checking for one in each.servers))
        reason = next((f"checking the servers of backend {name}" for name in checking), "")
        self._is_checked = not reason
        return reason

    async def stop(self) -> None:
        """Say that we are not ready, accept nothing more, let what is running finish within `grace`, end the rest."""
        self.unready = "draining"
        if self.config.relay.shutdown_delay:
            await deferLater(self.reactor, self.config.relay.shutdown_delay)
        await gatherResults([ports.close() for ports in self.ports])
        busy = [listener for listener in self.listeners if listener.connections]
        for listener in self.listeners:
            listener.drain()
        await gatherResults([self._until_idle(listener) for listener in busy])
        for listener in self.listeners:
            listener.abort()
        for feed in self.feeds:
            feed.stop()
        self.authentication.stop()
        for discovery in self.discoveries:
            discovery.stop()
        for watcher in self.watchers:
            watcher.stop()
        for backend in self.backends.values():
            backend.close()
        for forward in self.forwards:
            forward.close()
        self.resolver.stop()
        self.deadlines.stop()
        self.lag.stop()
        await deferLater(self.reactor, 0)  # the last connections tell of their end, and then to the logs
        for log in self.logs.values():
            log.close()
        await gatherResults([self.admin.close(), self.control.close()])

    def reopen_logs(self) -> None:
        """Open the files of the access logs again, after they were renamed."""
        for log in self.logs.values():
            log.reopen()

    def summary(self) -> list[str]:
        """What is served, where and from where, in words."""
        bound = {listener.name: ports.addresses for listener, ports in zip(self.listeners, self.ports, strict=True)}
        return summary(self.config, bound, self.admin.addresses, self.control.addresses)

    def _until_idle(self, listener: Listener) -> Deferred[None]:
        idle: Deferred[None] = Deferred()
        if not listener.connections:
            idle.callback(None)
            return idle
        timer = self.reactor.callLater(self.config.relay.grace, _fire, idle)

        def now_idle() -> None:
            if timer.active():
                timer.cancel()
            _fire(idle)

        listener.on_idle = now_idle
        return idle


def _fire(deferred: Deferred[None]) -> None:
    if not deferred.called:
        deferred.callback(None)


def _accounting(config: Config, now: Callable[[], float]) -> Accounting | None:
    options = config.accounting
    return Accounting(options.top, options.of, now()) if options.top else None


def _tick(config: Config) -> float:
    times = [
        time
        for listener in config.listeners
        for time in (
            listener.header_timeout,
            listener.body_timeout,
            listener.send_timeout,
            listener.idle_timeout,
            listener.response_timeout,
            listener.tunnel_idle_timeout,
        )
    ]
    groups = (*config.backends.values(), *config.parents.values())
    times += [time for group in groups for time in group.times]
    return tick_for(times)


class RelayService(Service):
    """The relay as a Twisted service."""

    _log = Logger()

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.name = "relay"

    def privilegedStartService(self) -> None:
        """Bind, before privileges are dropped; an address that cannot be had ends the start."""
        super().privilegedStartService()
        self.relay.open()

    def startService(self) -> None:
        """Start."""
        super().startService()
        reactor = cast(Any, self.relay.reactor)
        watch_signals(reactor, SignalActions(reactor.stop, self.relay.reopen_logs, reload_is_not_available))
        self.relay.start()
        for line in self.relay.summary():
            self._log.info("{line}", line=line)
        for line in warnings(self.relay.config):
            self._log.warn("{line}", line=line)
        self._log.info("twisted_relay {version} is running", version=__version__)

    def stopService(self) -> Deferred[None]:
        """Stop; the Deferred fires when everything has ended."""
        super().stopService()
        return Deferred.fromCoroutine(self.relay.stop())
