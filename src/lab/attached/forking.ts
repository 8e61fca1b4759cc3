/** For tests: a server whose children have its socket too, as those of nginx and php-fpm have. @module */
import { type ProcessRef, processRef, signalProcess } from "../process.ts";

export interface ForkingServer extends AsyncDisposable {
  pid: number;
  port: number;
  /** Kills the parent alone. */
  kill(): Promise<void>;
}

/** Whatever becomes of the tests, all of them end by themselves. perl is essential to Debian. */
const PROGRAM = `
use IO::Socket::INET;
my $socket = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", LocalPort => 0) or die;
my @children;
for (1 .. $ARGV[0]) {
  my $pid = fork;
  if (!$pid) { sleep 60; exit }
  push @children, $pid;
}
$| = 1;
print join(" ", $socket->sockport, @children), "\\n";
sleep 60;
`;

/** @param children how many. */
export async function forkingServer(children: number): Promise<ForkingServer> {
  const parent = Bun.spawn(["perl", "-e", PROGRAM, `${children}`], { stdin: "ignore", stdout: "pipe" });
  const { value } = await parent.stdout.getReader().read();
  const [port = 0, ...pids] = new TextDecoder().decode(value).trim().split(" ").map(Number);
  const refs: ProcessRef[] = pids.flatMap((pid) => processRef(pid) ?? []);
  const kill = async (): Promise<void> => {
    parent.kill("SIGKILL");
    await parent.exited;
  };
  return {
    pid: parent.pid,
    port,
    kill,
    [Symbol.asyncDispose]: async () => {
      for (const ref of refs) signalProcess(ref, "SIGKILL");
      await kill();
    },
  };
}
