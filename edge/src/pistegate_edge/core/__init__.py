# SPDX-License-Identifier: Apache-2.0
"""The passage protocol, pure: inputs in, actions out; readers, lane, disk, broker and clock stay outside."""
