# shellcheck shell=bash
# The images of the Dockerfile, which are its targets of these names.

# shellcheck disable=SC2034  # read by the scripts that source this file
readonly IMAGES=(operator webhook credentials canary cli)

# image_program NAME: the program that an image runs.
image_program() { if [[ $1 == cli ]]; then echo stockade; else echo "stockade-$1"; fi; }
