import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ColdstartError } from '../../errors.js';

/**
 * Takes a port. Errors of the server after that, such as connections that it cannot accept while the process has too
 * many open files, are reported; without a listener they would end the process.
 *
 * @param advice what else to do than choosing another port
 * @returns the port that was taken: a free one for port 0
 * @throws ColdstartError code PORT if it cannot be used
 */
export async function listen(
  server: Server,
  {
    host,
    port,
    advice,
    onError,
  }: {
    readonly host: string;
    readonly port: number;
    readonly advice: string;
    readonly onError: (error: Error) => void;
  },
): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const refused = (error: Error): void =>
      reject(
        new ColdstartError(
          'PORT',
          `port ${port} on ${host} cannot be used: ${error.message}. Choose another with --port, ${advice}.`,
          { cause: error },
        ),
      );
    server.once('error', refused);
    server.listen(port, host, () => {
      server.off('error', refused);
      server.on('error', onError);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}
