"""A relay that cuts, delays and splits what passes, at a byte that the test names."""

import asyncio
import socket
import struct
import threading

TO_SERVER, TO_CLIENT = 0, 1


class Plan:
    """What happens to one connection once `position` bytes have gone in `direction`: "end" (FIN both ways), "reset", "pause"
    (what follows comes later) or "bytes" (from there on each byte in a segment of its own)."""

    def __init__(self, how="pass", direction=TO_SERVER, position=0):
        self.how, self.direction, self.position = how, direction, position
        self.passed = [0, 0]


class Relay:
    """Its connections follow `plans`, one after the other; the last one is for all that come then."""

    def __init__(self, target, plans=(Plan(),)):
        self.target, self.plans, self.count = target, list(plans), 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.port = self.listener.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self._relay, sock=self.listener))
        self.loop.run_forever()

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def _relay(self, reader, writer):
        plan = self.plans[min(self.count, len(self.plans) - 1)]
        self.count += 1
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.target)
        ends = (writer, other_writer)
        for end in ends:
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(self._pump(plan, TO_SERVER, reader, other_writer, ends),
                             self._pump(plan, TO_CLIENT, other_reader, writer, ends), return_exceptions=True)
        for end in ends:
            end.close()

    async def _pump(self, plan, direction, reader, writer, ends):
        while data := await reader.read(1 << 16):
            before = plan.position - plan.passed[direction]
            plan.passed[direction] += len(data)
            if direction != plan.direction or plan.how == "pass" or before > len(data):
                writer.write(data)
                continue
            writer.write(data[:max(before, 0)])
            if plan.how in ("end", "reset"):
                self._cut(plan, ends)
                return
            if plan.how == "bytes":
                for at in range(max(before, 0), len(data)):
                    writer.write(data[at:at + 1])
                    await asyncio.sleep(0)
            elif before >= 0:
                await asyncio.sleep(0.002)
                writer.write(data[before:])
            else:
                writer.write(data)
        writer.write_eof()

    @staticmethod
    def _cut(plan, ends):
        for end in ends:
            if plan.how == "reset":
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.transport.abort()
            else:
                end.close()
