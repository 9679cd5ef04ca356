"""
A small Matrix federation on loopback, for the demo, the tests and the bench; the bot itself never imports it.

::

    async with Federation(directory) as federation:
        focus = await federation.focus("https://rtc.example.org/livekit/jwt", version="0.5.0")
        server = await federation.server("example.org", foci=[focus.entry], transports="absent")
        config = {"network": federation.network()}            # what a bot needs to find its way
        await federation.set_fault(focus, Fault.TLS_EXPIRED)  # and None heals
        server.publish([])

``Synapse`` is a real homeserver, ``LiveKit`` a real SFU, ``Person`` a real client, ``Fault`` the catalogue of what can
be broken. What stands in for something else says so: ``AuthorisationService`` for lk-jwt-service, ``Sfu`` for LiveKit
where nobody has a token, ``Homeserver`` for the part of a homeserver that strangers see. ``Backend`` puts a real SFU
behind an authorisation service that issues tokens for it, with ``CallFault``, the ways in which calls fail.
``lab.clients`` runs real Element Call in a browser against all of this.
"""
