"""A backend in virtual time: the production balancer, checks and retries, with modelled clients and servers.

`relay simulate` runs a scenario: who asks how often, how quick the servers are, and what goes wrong when. Everything
between the two, from the choice of a server to the last retry, is the code that serves real traffic.
"""
