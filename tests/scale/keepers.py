"""Those that keep what others agree on: ZooKeeper for ClickHouse, etcd for
Patroni. One member or three."""
import json
import os
import socket
import subprocess

from servers import Server, await_true, get


class ZooKeeper(Server):
    def __init__(self, name, directory, number, ports):
        """`ports`: those of all members, each (client, peer, election)."""
        super().__init__(name, directory)
        self.number, self.port = number, ports[number][0]
        self.know_itself()
        data = os.path.join(self.directory, "data")
        with open(os.path.join(self.directory, "zoo.cfg"), "w",
                  encoding="ascii") as file:
            file.write(f"tickTime=1000\ninitLimit=20\nsyncLimit=10\n"
                       f"dataDir={data}\nclientPort={self.port}\n"
                       "clientPortAddress=127.0.0.1\nadmin.enableServer=false\n"
                       "4lw.commands.whitelist=srvr\nmaxClientCnxns=0\n")
            if len(ports) > 1:
                for i, (_, peer, election) in enumerate(ports):
                    file.write(f"server.{i + 1}=127.0.0.1:{peer}:{election}\n")

    def command(self):
        return ["java", "-Xmx192m", "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", "-Dzookeeper.log.dir=.", "-cp",
                "/usr/share/java/zookeeper.jar",
                "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                os.path.join(self.directory, "zoo.cfg")]

    def lose_disk(self):
        super().lose_disk()
        self.know_itself()

    def know_itself(self):
        data = os.path.join(self.directory, "data")
        os.makedirs(data)
        with open(os.path.join(data, "myid"), "w", encoding="ascii") as file:
            file.write(f"{self.number + 1}\n")

    def ask(self, *words):
        """What zkCli.sh says."""
        return subprocess.run(
            ["java", "-cp", "/usr/share/java/zookeeper.jar",
             "org.apache.zookeeper.ZooKeeperMain", "-server",
             f"127.0.0.1:{self.port}", *words], check=True, text=True,
            cwd=self.directory, stdin=subprocess.DEVNULL,
            capture_output=True).stdout

    def forget(self, path):
        """Until it is gone: deleteall ends well, too, when some is left."""
        parent, _, name = path.rpartition("/")
        while name in self.ask("ls", parent):
            self.ask("deleteall", path)

    def role(self):
        """Leader, follower, standalone; None: it takes no part."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as one:
                one.sendall(b"srvr")
                said = one.recv(65536).decode()
        except OSError:
            return None
        return said.partition("Mode: ")[2].partition("\n")[0] or None

    def ready(self):
        return self.role() is not None


class Etcd(Server):
    def __init__(self, name, directory, number, ports):
        """`ports`: those of all members, each (client, peer)."""
        super().__init__(name, directory)
        self.ports = ports[number]
        self.members = ",".join(f"etcd{i + 1}=http://127.0.0.1:{peer}"
                                for i, (_, peer) in enumerate(ports))
        self.environment = {"ETCD_UNSUPPORTED_ARCH": ""}
        self.state = "new"

    def call(self, path, body):
        """What `etcdctl member` asks."""
        answer = get(f"http://127.0.0.1:{self.ports[0]}/v3/cluster/member/"
                     f"{path}", body=json.dumps(body).encode())
        return json.loads(answer) if answer else None

    def make_anew(self, member):
        """`member` has lost its disk: it leaves, and comes as another one."""
        listed = self.call("list", {})["members"]
        number = next(one["ID"] for one in listed if one["name"] == member.name)
        # Refused for some seconds after a member has died.
        await_true("the old member leaves",
                   lambda: self.call("remove", {"ID": number}))
        await_true("a place for the new member", lambda: self.call(
            "add", {"peerURLs": [f"http://127.0.0.1:{member.ports[1]}"]}))
        member.state = "existing"

    def command(self):
        client, peer = (f"http://127.0.0.1:{port}" for port in self.ports)
        return ["etcd", "--name", self.name, "--data-dir", "data",
                "--listen-client-urls", client,
                "--advertise-client-urls", client,
                "--listen-peer-urls", peer,
                "--initial-advertise-peer-urls", peer,
                "--initial-cluster", self.members,
                "--initial-cluster-state", self.state,
                "--heartbeat-interval", "200", "--election-timeout", "2000"]

    def ready(self):
        answer = get(f"http://127.0.0.1:{self.ports[0]}/health")
        return answer is not None and '"true"' in answer
