/** In place of scanners of images: there is none here, and a result without a scan would be a lie. */
throw new Error('a run on this machine scans no images; deliver to the process target, which has none');
