//! LD_PRELOAD key logger.
