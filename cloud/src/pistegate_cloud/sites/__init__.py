# SPDX-License-Identifier: Apache-2.0
"""Sites 雪场, their areas 区域 and posts 门岗."""
