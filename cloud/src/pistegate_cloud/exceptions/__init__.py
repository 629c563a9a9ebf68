# SPDX-License-Identifier: Apache-2.0
"""What a person must look at, each as a plain sentence with what to do."""
