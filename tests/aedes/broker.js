// aedes on a port of loopback, until its standard input ends: whoever started it is gone then.
import { createServer } from "node:net";
import { Aedes } from "aedes";

const broker = await Aedes.createBroker();
createServer(broker.handle).listen(Number(process.argv[2]), "127.0.0.1");
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
