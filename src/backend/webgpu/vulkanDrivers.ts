import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Whether Vulkan's loader would find a driver: one that is named by an environment variable, or a description (.json)
 * in its folders. Dawn prints warnings where it is missing, so this is asked first. Only Linux needs it; Windows and
 * macOS come with what Dawn uses. Source: Vulkan-Loader, LoaderDriverInterface.md.
 */
export function hasVulkanDriver(env: NodeJS.ProcessEnv = process.env): boolean {
  if (
    process.platform !== 'linux' ||
    [env.VK_DRIVER_FILES, env.VK_ICD_FILENAMES, env.VK_ADD_DRIVER_FILES].some(Boolean)
  )
    return true;
  const home = env.HOME ?? homedir();
  const folders = [
    env.XDG_CONFIG_HOME || join(home, '.config'),
    ...(env.XDG_CONFIG_DIRS || '/etc/xdg').split(':'),
    '/etc',
    env.XDG_DATA_HOME || join(home, '.local/share'),
    ...(env.XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(':'),
  ];
  return folders.some((folder) => {
    const drivers = join(folder, 'vulkan/icd.d');
    return existsSync(drivers) && readdirSync(drivers).some((name) => name.endsWith('.json'));
  });
}

/**
 * Whether Linux shows a graphics card, also in WSL. Loading Dawn only to find none would cost half a second and print
 * warnings.
 */
export function hasGraphicsDevice(): boolean {
  if (process.platform !== 'linux') return true;
  const inDri = existsSync('/dev/dri') ? readdirSync('/dev/dri') : [];
  return (
    inDri.some((name) => name.startsWith('renderD')) || ['/dev/nvidiactl', '/dev/dxg'].some((path) => existsSync(path))
  );
}
